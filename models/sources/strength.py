"""What a signature scheme does not prove, in words: for the documentation and a source's health."""

from models.sources.signature import Kind, Scheme


def weaknesses(scheme: Scheme) -> tuple[str, ...]:
    """List what a call under this scheme leaves open, the gravest first; empty where nothing is."""
    found: list[str] = []
    if scheme.kind is Kind.TOKEN:
        found.append("the secret itself travels with every call, and the body is not covered")
    elif not scheme.body_authenticated:
        found.append("the body is not covered")
    if scheme.kind is Kind.CONCAT:
        found.append("a plain hash of secret and body, not an HMAC")
    if scheme.algorithm == "sha1":
        found.append("SHA-1, an old hash")
    if scheme.tolerance_s is None:
        found.append("no signed time, so an old call can be sent again")
    elif scheme.timestamp_field and scheme.timestamp_header:
        found.append("the time of an unsigned header is taken as well, so an old call can be sent again")
    return tuple(found)


def proof(scheme: Scheme) -> str:
    """Say in a few words how a call under this scheme is proven."""
    match scheme.kind:
        case Kind.HMAC:
            return f"HMAC-{scheme.algorithm.upper().replace('SHA', 'SHA-')} over `{scheme.signed_content}`"
        case Kind.CONCAT:
            return "SHA-256 of secret and request"
        case _:
            return "the secret in a header"
