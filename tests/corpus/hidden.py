"""What nobody can read, and what only looks so; secrets, and what only looks like one."""

import base64
import gzip
import io
import zipfile
from zipfile import ZipInfo

from tests.corpus.sample import BARE, SENTENCES, Maker, around, digits, letters
from tests.doubles.dice import Dice
from tests.doubles.vendor_secrets import ALNUM, ASSIGNED, FORMATS, Draw

_PNG, _JPEG, _GIF = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", b"\xff\xd8\xff\xe0\0\x10JFIF\0", b"GIF89a"
_PDF, _OLE = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def media(chance: Dice) -> str:
    head = chance.choice(
        [_PNG, _JPEG, _GIF + chance.randbytes(4), _PDF, _OLE, b"OggS\0\2", b"fLaC\0\0\0\x22"]
    )
    return b64(head + chance.randbytes(chance.randrange(200, 3_000)))


def locked(chance: Dice) -> str:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(ZipInfo("a.txt"), chance.randbytes(200))
    data = bytearray(out.getvalue())
    for sign, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.find(sign) + at] |= 1
    return b64(bytes(data))


def sealed(chance: Dice) -> str:
    return b64(chance.randbytes(chance.randrange(1_000, 6_000)))


def archive_of_pictures(chance: Dice) -> str:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(ZipInfo("readme.txt"), chance.choice(SENTENCES))
        archive.writestr(ZipInfo("plan.png"), _PNG + chance.randbytes(300))
    return b64(out.getvalue())


def four_times(chance: Dice) -> str:
    text = around(chance, "x")
    for _ in range(4):
        text = b64(text.encode())
    return text


def public_key(chance: Dice) -> str:
    return f"ssh-rsa {b64(bytes([0, 0, 0, 7]) + b'ssh-rsa' + chance.randbytes(500))}"


OPAQUE: dict[str, Maker] = {
    "a picture, PDF, sound": lambda c: BARE(c, media(c)),
    "in a data URL": lambda c: around(
        c, f"data:{c.choice(['image/png', 'application/pdf', 'audio/ogg'])};base64,{media(c)}"
    ),
    "encrypted": lambda c: BARE(c, locked(c)),
    "bytes without a form": lambda c: BARE(c, sealed(c)),
    "bytes over lines": lambda c: around(
        c, base64.encodebytes(c.randbytes(c.randrange(1_000, 6_000))).decode()
    ),
    "an archive of pictures": lambda c: BARE(c, archive_of_pictures(c)),
    "four layers": lambda c: BARE(c, four_times(c)),
}  # fmt: skip


def _readable(chance: Dice) -> str:
    text = "\n".join(chance.choice(SENTENCES) for _ in range(9)).encode()
    return b64(chance.choice([text, gzip.compress(text, mtime=0), text.decode().encode("utf-16")]))


NOT_OPAQUE: dict[str, Maker] = {
    "text in base64": lambda c: BARE(c, _readable(c)),
    "a hash": lambda c: BARE(c, c.randbytes(c.choice([16, 20, 32, 64])).hex()),
    "hashes": lambda c: around(c, "\n".join(c.randbytes(32).hex() for _ in range(c.randrange(60)))),
    "integrity": lambda c: BARE(c, f"sha512-{b64(c.randbytes(64))}"),
    "a token": lambda c: BARE(c, f"{b64(b'{}')}.{b64(c.randbytes(30))}.{b64(c.randbytes(256))}"),
    "a public key": lambda c: BARE(c, public_key(c)),
    "a long name": lambda c: BARE(c, "_".join(letters(c, 7).lower() for _ in range(40))),
    "numbers": lambda c: around(c, ", ".join(digits(c, 6) for _ in range(300))),
}  # fmt: skip

_NAMES = sorted(FORMATS)
_ASSIGNED = sorted(ASSIGNED)


def secret(chance: Dice) -> str:
    return FORMATS[chance.choice(_NAMES)](Draw(str(chance.random())))


def assigned(chance: Dice) -> str:
    name, make = ASSIGNED[chance.choice(_ASSIGNED)]
    value = make(Draw(str(chance.random())))
    form = chance.choice(['{} = "[]"', "{}=[]", '"{}": "[]"', "export {}=[]"])
    return form.replace("{}", name).replace("[]", value)


def in_a_url(chance: Dice) -> str:
    said = chance.choice([one for one in _NAMES if "private-key" not in one])
    text = FORMATS[said](Draw(str(chance.random())))
    return "https://x.io/?q=" + "".join(f"%{one:02X}" for one in text.encode())


SECRETS: dict[str, Maker] = {
    "a secret of a known form": lambda c: BARE(c, secret(c)),
    "a secret by its name": lambda c: around(c, assigned(c)),
    "in base64": lambda c: BARE(c, b64(around(c, f"token: {secret(c)}").encode())),
    "in a URL": lambda c: around(c, in_a_url(c)),
}  # fmt: skip

NO_SECRETS: dict[str, Maker] = {
    "a placeholder": lambda c: around(
        c,
        c.choice(
            [
                "export GITHUB_TOKEN=ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
                "AWS_ACCESS_KEY_ID=AKIAIOSFODNN7EXAMPLE",
                "token = os.environ['GITLAB_TOKEN']",
                "api_key: ${OPENAI_API_KEY}",
                "password = getpass.getpass()",
                "Authorization: Bearer <token>",
                "-----BEGIN CERTIFICATE-----",
            ]
        ),
    ),
    "a hash": lambda c: BARE(c, c.randbytes(20).hex()),
    "a UUID": lambda c: BARE(c, "-".join(c.randbytes(n).hex() for n in (4, 2, 2, 2, 6))),
    "a name": lambda c: BARE(c, "".join(c.choice(ALNUM) for _ in range(12))),
}
