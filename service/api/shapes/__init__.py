"""What goes over HTTP: one file per family of resources; `catalogue.py` lists every call with its shapes."""
