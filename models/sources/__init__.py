"""One file for each support or release tool, pure: verify, key, parse."""
