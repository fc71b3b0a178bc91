"""Content Credentials: the table of what a validator says, hostile bytes, and not one look at the network."""

import contextlib
import http.server
import io
import random
import struct
import threading
import time
import zlib
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from imagegen_lessons.provenance import c2pa  # our module; the library of this name is `c2pa._library()`
from imagegen_lessons.provenance.c2pa import CredentialError
from tests.unit.helpers import encode, noise, refused

needs_c2pa = pytest.mark.skipif(not c2pa.available(), reason="needs the extra `credentials`")
FORMATS = ("PNG", "JPEG")


def plain_picture(format: str, seed=0) -> bytes:
    return encode(noise(60, 40, seed=seed), format)


def flipped(data: bytes, place: int) -> bytes:
    return data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]


START = 33  # bytes of a PNG file before the manifest: signature and header


def manifest_of(signed: bytes, plain: bytes) -> bytes:
    """The one chunk that signing has added to a PNG file."""
    return signed[START : START + len(signed) - len(plain)]


def pixels(data: bytes) -> np.ndarray:
    return np.array(Image.open(io.BytesIO(data)))


@pytest.fixture(scope="module")
def newspaper():
    return c2pa.authority("The Drawn Post")


@pytest.fixture(scope="module")
def stranger():
    return c2pa.authority("A stranger")


# ---- The table ------------------------------------------------------------------------------------------------


@needs_c2pa
@pytest.mark.parametrize("format", FORMATS)
def test_the_table_of_verdicts(newspaper, stranger, format):
    plain = plain_picture(format)
    signed = c2pa.sign(plain, newspaper)
    changed = flipped(signed, len(signed) - 1000)  # inside the compressed picture
    table = {
        "nothing signed": (plain, "no credential"),
        "root known": (signed, "trusted"),
        "signed by another": (c2pa.sign(plain, stranger), "valid, signer unknown"),
        "a byte of the picture flipped": (changed, "tampered"),
        "saved again": (encode(Image.open(io.BytesIO(signed)), format), "no credential"),
        "a fake, signed as a photograph": (c2pa.sign(plain, newspaper, source="digitalCapture"), "trusted"),
        "cut": (signed[: len(signed) // 2], "damaged"),
        "signed twice": (c2pa.sign(c2pa.sign(plain, stranger), newspaper), "trusted"),
    }
    for what, (data, state) in table.items():
        assert c2pa.read(data, [newspaper.root]).state == state, what
    assert c2pa.read(signed).codes == ("signingCredential.untrusted",)
    assert c2pa.read(signed, [stranger.root]).state == "valid, signer unknown"
    assert c2pa.read(signed, [stranger.root, newspaper.root]).state == "trusted"
    assert c2pa.read(signed, newspaper.root).codes == ()
    assert "assertion.dataHash.mismatch" in c2pa.read(changed, [newspaper.root]).codes


@needs_c2pa
def test_the_picture_is_not_touched_and_the_credential_says_what_was_asked(newspaper):
    for format in FORMATS:
        plain = plain_picture(format)
        signed = c2pa.sign(plain, newspaper, source="digitalCapture")
        assert np.array_equal(pixels(signed), pixels(plain))
        assert 10_000 < len(signed) - len(plain) < 16_000  # no thumbnail
        verdict = c2pa.read(signed, [newspaper.root])
        assert (verdict.source, verdict.signer) == ("digitalCapture", "The Drawn Post")
        assert "a camera took it" in verdict.sentence


@needs_c2pa
def test_a_credential_moved_to_another_picture_does_not_fit(newspaper):
    plain, other = plain_picture("PNG"), plain_picture("PNG", seed=1)
    signed = c2pa.sign(plain, newspaper)
    manifest = manifest_of(signed, plain)
    assert plain[:START] + manifest + plain[START:] == signed
    verdict = c2pa.read(other[:START] + manifest + other[START:], [newspaper.root])
    assert (verdict.state, verdict.codes) == ("tampered", ("assertion.dataHash.mismatch",))


@needs_c2pa
def test_words_changed_inside_the_credential_are_noticed(newspaper):
    signed = c2pa.sign(plain_picture("JPEG"), newspaper)
    forged = signed.replace(b"trainedAlgorithmicMedia", b"brainedAlgorithmicMedia")
    verdict = c2pa.read(forged, [newspaper.root])
    assert verdict.state == "tampered" and "credential itself" in verdict.sentence
    assert verdict.codes == ("assertion.hashedURI.mismatch",)


@needs_c2pa
def test_an_expired_certificate_says_so():
    for seconds in (2, 4, 8, 16, 32):  # on a busy machine it may expire before it was used
        with contextlib.suppress(CredentialError):
            old = c2pa.authority("An old camera", timedelta(seconds=seconds))
            signed = c2pa.sign(plain_picture("JPEG"), old)
            if c2pa.read(signed, [old.root]).state == "trusted":
                break
    else:
        pytest.fail("no certificate was ever trusted")
    time.sleep(seconds + 1)
    verdict = c2pa.read(signed, [old.root])
    assert verdict.state == "expired" and "signingCredential.expired" in verdict.codes
    assert "An old camera" in verdict.sentence
    with refused("not valid at time of signing", CredentialError):
        c2pa.sign(plain_picture("JPEG"), old)


# ---- Hostile bytes --------------------------------------------------------------------------------------------


@needs_c2pa
@pytest.mark.parametrize("format", FORMATS)
def test_whatever_the_bytes_there_is_a_verdict_and_what_is_trusted_is_the_picture(newspaper, format):
    signed = c2pa.sign(plain_picture(format), newspaper)
    rng = random.Random(0)
    hostile = [signed[:end] for end in range(0, len(signed), 331)]
    hostile += [signed[:k] + b"\xff\xff\xff\xff" + signed[k + 4 :] for k in range(0, len(signed) - 4, 331)]
    hostile += [signed[:20] + rng.randbytes(rng.randrange(2000)) for _ in range(30)]
    hostile += [b"", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"text " * 1_000_000, bytes(100)]
    hostile += [flipped(signed, k) for k in range(0, len(signed), 97)]
    for data in hostile:
        verdict = c2pa.read(data, [newspaper.root])
        assert verdict.state in c2pa.STATES and "\n" not in verdict.sentence
        # What is changed in the padding of the manifest changes nothing. (Decoders of PNG check that, too.)
        if format == "JPEG" and verdict.state == "trusted":
            assert np.array_equal(pixels(data), pixels(signed))


@needs_c2pa
@pytest.mark.parametrize("kept", [8, 100, 1000, 4000])
def test_a_credential_that_was_cut_inside_a_whole_picture(newspaper, kept):
    plain = plain_picture("PNG")
    part = manifest_of(c2pa.sign(plain, newspaper), plain)[4 : 8 + kept]
    chunk = struct.pack(">I", kept) + part + struct.pack(">I", zlib.crc32(part))
    cut = plain[:START] + chunk + plain[START:]
    assert np.array_equal(pixels(cut), pixels(plain))
    assert c2pa.read(cut, [newspaper.root]).state == "damaged"


@needs_c2pa
@pytest.mark.parametrize(
    "do",
    [
        lambda signer: c2pa.sign(b"GIF89a", signer),
        lambda signer: c2pa.sign(plain_picture("PNG")[:60], signer),
        lambda signer: c2pa.sign(plain_picture("PNG"), signer, source="magic"),
        lambda signer: c2pa.sign(plain_picture("PNG"), signer, title="x" * 10_000_000),
        lambda signer: c2pa.authority(""),
        lambda signer: c2pa.authority("x" * 65),
        lambda signer: c2pa.authority("two\nlines"),
        lambda signer: c2pa.authority("too late", timedelta(seconds=-5)),
        lambda signer: c2pa.authority("for ever", timedelta.max),
        lambda signer: c2pa.authority("two seconds", 2),
        lambda signer: c2pa.sign("picture.png", signer),
        lambda signer: c2pa.sign(plain_picture("PNG"), "The Drawn Post"),
        lambda signer: c2pa.read("picture.png"),
        lambda signer: c2pa.read(plain_picture("PNG"), ["not a certificate"]),
    ],
)
def test_refusals_are_sentences(newspaper, do):
    with refused(error=CredentialError):
        do(newspaper)


def test_without_c2pa_one_sentence_says_what_to_install(monkeypatch):
    monkeypatch.setattr(c2pa, "available", lambda: False)
    for do in (lambda: c2pa.authority("me"), lambda: c2pa.read(b"")):
        with refused("pip install", CredentialError):
            do()


def test_a_library_that_does_not_load_counts_as_missing(monkeypatch):
    def broken(name):
        raise OSError("wrong processor")

    c2pa.available.cache_clear()
    with monkeypatch.context() as patched:
        patched.setattr(c2pa.importlib, "import_module", broken)
        assert not c2pa.available()
    c2pa.available.cache_clear()


# ---- No network, no secrets -----------------------------------------------------------------------------------


@pytest.fixture
def server():
    """A local web server, and the list of what was asked of it."""
    asked = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def log_message(self, *message):  # of every request, which is answered by an error
            asked.append(message)

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as listening:
        thread = threading.Thread(target=listening.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listening.server_port}", asked
        listening.shutdown()


@needs_c2pa
def test_a_credential_elsewhere_is_not_fetched(newspaper, server):
    library, (address, asked), buffer = c2pa._library(), server, io.BytesIO()
    algorithm = library.C2paSigningAlg.ES256
    with (
        library.Context.from_dict(c2pa._OFFLINE) as context,
        library.Signer.from_callback(newspaper._sign, algorithm, newspaper.chain) as pen,
        library.Builder({"title": "elsewhere", "assertions": []}, context=context) as builder,
    ):
        builder.set_no_embed()
        builder.set_remote_url(address + "/manifest.c2pa")
        builder.sign(pen, "image/jpeg", io.BytesIO(plain_picture("JPEG")), buffer)
    assert address.encode() in buffer.getvalue()
    verdict = c2pa.read(buffer.getvalue(), [newspaper.root])
    assert verdict.state == "no credential" and "nothing was fetched" in verdict.sentence
    assert asked == []


@needs_c2pa
def test_nobody_is_asked_whether_a_certificate_was_revoked(server, monkeypatch):
    from cryptography import x509
    from cryptography.x509.oid import AuthorityInformationAccessOID

    address, asked = server
    where = x509.AccessDescription(
        AuthorityInformationAccessOID.OCSP, x509.UniformResourceIdentifier(address)
    )
    extension, make = x509.AuthorityInformationAccess([where]), c2pa._certificate
    monkeypatch.setattr(c2pa, "_certificate", lambda *parts, **more: make(*parts, extension, **more))
    signer = c2pa.authority("Ask me")
    signed = c2pa.sign(plain_picture("PNG"), signer)
    assert address.encode() in signed
    assert c2pa.read(signed, [signer.root]).state == "trusted"
    assert asked == []


@needs_c2pa
def test_the_secret_key_is_neither_printed_nor_in_the_file(newspaper):
    secret = newspaper.key.private_numbers().private_value.to_bytes(32, "big")
    assert secret not in c2pa.sign(plain_picture("PNG"), newspaper)
    assert "key" not in repr(newspaper)
    assert "PRIVATE" not in newspaper.root + newspaper.chain


def test_the_module_opens_no_file():
    assert "open(" not in Path(c2pa.__file__).read_text(encoding="utf-8")
