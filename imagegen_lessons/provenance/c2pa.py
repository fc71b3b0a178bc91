"""Content Credentials (C2PA): a signed manifest in a picture file that says how the picture was made, and by whom.

Everything happens in memory: bytes in, bytes out, no network, no files, and keys that end with the process. A verdict
is about the manifest: whether it fits these bytes, and whether its signer is trusted. It never says whether what the
manifest claims is true. Needs the extra `credentials` (c2pa-python and cryptography); `available` says whether it is
there. Source: C2PA Technical Specification, on binding to content, on the trust model and on validation.
"""

import functools
import importlib
import io
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

IPTC = "http://cv.iptc.org/newscodes/digitalsourcetype/"  # a name; nothing is fetched
SOURCES = {  # IPTC digital source types -> the same in plain words
    "trainedAlgorithmicMedia": "a trained network made it",
    "compositeWithTrainedAlgorithmicMedia": "a trained network made a part of it",
    "algorithmicMedia": "a program made it",
    "digitalCreation": "a person made it with digital tools",
    "digitalCapture": "a camera took it",
}
STATES = ("no credential", "trusted", "valid, signer unknown", "expired", "tampered", "damaged")
LONGEST = timedelta(days=3650)  # that a certificate may be valid, and each root is
_TYPES = {b"\x89PNG\r\n\x1a\n": "image/png", b"\xff\xd8\xff": "image/jpeg"}
_OFFLINE = {
    "version": 1,
    "core": {"allowed_network_hosts": []},
    "verify": {"remote_manifest_fetch": False, "ocsp_fetch": False, "verify_after_sign": False},
    "builder": {"thumbnail": {"enabled": False}},
}
_CHANGED = ("tampered", "The credential itself was changed after it had been signed.")
_CASES = {  # the validator's state or status code, the weightiest first -> our state and sentence
    "Trusted": ("trusted", "Signed by '{who}', whom you trust, and unchanged since; it says: {says}."),
    "Valid": (
        "valid, signer unknown",
        "Unchanged since it was signed, but by '{who}', whom you do not know; it says: {says}.",
    ),
    "assertion.dataHash.mismatch": (
        "tampered",
        "The file is not as it was signed: it was changed, or the credential is another's.",
    ),
    "assertion.hashedURI.mismatch": _CHANGED,
    "claimSignature.mismatch": _CHANGED,
    "signingCredential.expired": (
        "expired",
        "Unchanged since it was signed, but the certificate of '{who}' is no longer, or not yet, valid.",
    ),
}
_MALFORMED = ("damaged", "The credential does not follow the rules ({codes}).")


class CredentialError(ValueError):
    """Something cannot be signed, or c2pa-python is missing; the message says why, in one sentence."""


@functools.cache
def available() -> bool:
    """Whether c2pa-python and cryptography are installed and work on this machine."""
    try:
        importlib.import_module("c2pa")
        importlib.import_module("cryptography")
    except Exception:  # a native library that does not load may raise anything
        return False
    return True


def _library():
    """c2pa-python, imported when it is needed. (Imports are absolute: `c2pa` means the library, not this module.)"""
    if not available():
        raise CredentialError(
            "Content Credentials need c2pa-python: pip install 'imagegen-lessons[credentials]'."
        )
    import c2pa

    return c2pa


@dataclass(frozen=True)
class Authority:
    """Who can sign: a name, a certificate and its secret key. `root` is what others need in order to trust it."""

    name: str
    root: str  # the root's certificate as PEM text: public
    chain: str = field(repr=False)  # the certificate that signs, then the root's
    key: object = field(repr=False)  # the secret key of the certificate that signs

    def _sign(self, data: bytes) -> bytes:
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import ec, utils

        r, s = utils.decode_dss_signature(self.key.sign(data, ec.ECDSA(hashes.SHA256())))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")  # so COSE wants it (RFC 9053, section 2.1)


def authority(name: str, lifetime: timedelta = timedelta(days=365)) -> Authority:
    """A new root and a certificate that it vouches for, called `name`, made in memory (ECDSA, curve P-256).

    `lifetime`: how long the certificate is valid from now on; two seconds show what becomes of an old credential.
    Raises CredentialError for a name that is empty or longer than 64 characters, for a lifetime that is not positive
    or longer than LONGEST, and where c2pa is missing.
    """
    _library()
    if not isinstance(name, str) or not 0 < len(name.strip()) <= 64 or not name.isprintable():
        raise CredentialError("The name of a signer has 1 to 64 printable characters.")
    if not isinstance(lifetime, timedelta) or not timedelta(0) < lifetime <= LONGEST:
        raise CredentialError(f"A certificate is valid for a timedelta of at most {LONGEST.days} days.")
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID

    root_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    root_name = f"Root of {name}"[:64]
    root = _certificate(root_name, root_name, root_key, root_key, LONGEST, root=True)
    purpose = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION])  # what C2PA's validators ask for
    leaf = _certificate(name, root_name, key, root_key, lifetime, purpose)
    return Authority(name, root, leaf + root, key)


def _certificate(name, issuer, key, issuer_key, lifetime, *more, root=False) -> str:
    """A certificate as PEM text, with the extensions that C2PA demands (chapter 14)."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.x509.oid import NameOID

    def named(text):
        organisation = x509.NameAttribute(NameOID.ORGANIZATION_NAME, "imagegen_lessons, for teaching only")
        return x509.Name([organisation, x509.NameAttribute(NameOID.COMMON_NAME, text)])

    usages = "digital_signature content_commitment key_encipherment data_encipherment key_agreement"
    usages += " key_cert_sign crl_sign encipher_only decipher_only"
    allowed = "key_cert_sign" if root else "digital_signature"
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder().subject_name(named(name)).issuer_name(named(issuer))
    builder = builder.public_key(key.public_key()).serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(now).not_valid_after(now + lifetime)
    critical = (
        x509.BasicConstraints(ca=root, path_length=0 if root else None),
        x509.KeyUsage(**{usage: usage == allowed for usage in usages.split()}),
    )
    others = (
        x509.SubjectKeyIdentifier.from_public_key(key.public_key()),
        x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()),
        *more,
    )
    for extension in (*critical, *others):
        builder = builder.add_extension(extension, critical=extension in critical)
    return builder.sign(issuer_key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


def sign(
    data: bytes, signer: Authority, *, source: str = "trainedAlgorithmicMedia", title: str = "picture"
) -> bytes:
    """The picture file `data` (PNG or JPEG) with a credential in which `signer` says that it comes from `source`.

    `source`: one of SOURCES. It is signed whether or not it is true. A credential that is there already is replaced.
    Raises CredentialError for other files and sources, for a certificate that has expired, and where c2pa is missing.
    """
    library = _library()
    kind = _type(data)
    if kind is None:
        raise CredentialError("Only the bytes of a PNG or JPEG file can be signed.")
    if not isinstance(signer, Authority):
        raise CredentialError("Who signs is an authority, as from authority('The Drawn Post').")
    if source not in SOURCES:
        raise CredentialError(f"The source of a picture can be {', '.join(SOURCES)}, not {source!r}.")
    created = {"action": "c2pa.created", "digitalSourceType": IPTC + source}
    manifest = {
        "title": title,
        "claim_generator_info": [{"name": "imagegen_lessons"}],
        "assertions": [{"label": "c2pa.actions.v2", "data": {"actions": [created]}}],
    }
    signed = io.BytesIO()
    try:
        with (
            library.Context.from_dict(_OFFLINE) as context,
            library.Signer.from_callback(signer._sign, library.C2paSigningAlg.ES256, signer.chain) as pen,
            library.Builder(manifest, context=context) as builder,
        ):
            builder.sign(pen, kind, io.BytesIO(data), signed)
    except library.C2paError as error:
        raise CredentialError(f"The picture cannot be signed ({_short(error)}).") from None
    return signed.getvalue()


@dataclass(frozen=True)
class Verdict:
    """What can be said about a file's credential: one of STATES, a sentence, and what the credential claims."""

    state: str
    sentence: str
    source: str | None = None  # as the credential says, one of SOURCES or another word
    signer: str | None = None  # the name in the certificate
    codes: tuple[str, ...] = ()  # the validator's, for whatever failed (C2PA specification, section 15.2)


def read(data: bytes, trusted: Iterable[str] = ()) -> Verdict:
    """The verdict on the credential in the picture file `data` (PNG or JPEG); any bytes get one.

    `trusted`: the roots, as PEM text, whose signers you trust (`Authority.root`).
    Raises CredentialError where c2pa is missing, and for a root that is not a certificate.
    """
    library = _library()
    from cryptography import x509

    anchors = "\n".join([trusted] if isinstance(trusted, str) else trusted)
    try:
        if anchors:
            x509.load_pem_x509_certificates(anchors.encode())
    except ValueError:
        raise CredentialError("A trusted root is a certificate as PEM text: authority(…).root.") from None
    if _type(data) is None:
        return Verdict("damaged", "This is neither a PNG nor a JPEG file, so there is nowhere to look.")
    settings = _OFFLINE | ({"trust": {"user_anchors": anchors}} if anchors else {})
    try:
        with (
            library.Context.from_dict(settings) as context,
            library.Reader(_type(data), io.BytesIO(data), context=context) as reader,
        ):
            return _verdict(json.loads(reader.json()))
    except library.C2paError.ManifestNotFound:
        return Verdict("no credential", "The file holds no credential, which says nothing about the picture.")
    except Exception as error:  # bytes from anywhere can make a parser fail in any way
        if "remote manifest" in str(error):
            return Verdict(
                "no credential", "Only an address is given for the credential; nothing was fetched."
            )
        return Verdict("damaged", "The file or its credential is cut off or damaged; this proves nothing.")


def _verdict(store: dict) -> Verdict:
    manifest = store["manifests"][store["active_manifest"]]
    signature = manifest.get("signature_info") or {}
    who = _short(signature.get("common_name") or signature.get("issuer") or "somebody without a name")
    source = _source(manifest)
    says = SOURCES.get(source, f"its source is '{source}'" if source else "nothing about how it was made")
    codes = tuple(dict.fromkeys(_short(status["code"]) for status in store.get("validation_status") or ()))
    facts = (store["validation_state"], *codes)
    cases = (case for fact, case in _CASES.items() if fact in facts)
    state, sentence = next(cases, _MALFORMED)
    return Verdict(state, sentence.format(who=who, says=says, codes=", ".join(codes)), source, who, codes)


def _source(manifest: dict) -> str | None:
    """The picture's source, by the first action in the manifest that names one."""
    for assertion in manifest["assertions"]:
        if assertion["label"].startswith("c2pa.actions"):
            for action in assertion["data"]["actions"]:
                if source := action.get("digitalSourceType"):
                    return _short(str(source).rpartition("/")[2])
    return None


def _type(data: bytes) -> str | None:
    if not isinstance(data, bytes | bytearray):
        raise CredentialError("The bytes of a file are needed, as from Path(…).read_bytes().")
    return next((kind for magic, kind in _TYPES.items() if bytes(data[:8]).startswith(magic)), None)


def _short(text) -> str:
    """Words from a file or a library, fit for a sentence: printable, on one line, not too long."""
    words = "".join(letter if letter.isprintable() else " " for letter in str(text)).strip()
    return words if len(words) <= 80 else words[:79] + "…"
