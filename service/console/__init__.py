"""The web console: server-rendered pages and charts."""
