"""What a signature scheme does not prove, in words: for the documentation and a source's health."""

from collections.abc import Sequence

from models.sources.signature import SCHEMES, Kind, Scheme, Strength

PROOF_HEADER = "X-Ebb-Proof"
"""Under this name a delivery keeps by which scheme its call was proven; nobody outside can set it."""
API_KEY = "api_key"
"""The proof of a call that carried an API key in place of a signature."""


def scheme_of(proof: str) -> Scheme:
    """Return the scheme of a proof; a key proves what any secret in a header does."""
    return SCHEMES.get(proof, SCHEMES["bearer"])


def weakest(names: Sequence[str]) -> str:
    """Return the scheme that proves least of those a source takes; of equals the first."""
    return next((name for name in names if SCHEMES[name].strength is Strength.WEAK), names[0])


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
