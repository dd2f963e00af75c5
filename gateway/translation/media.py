"""Images and documents: their types, their names, and the data: URLs that carry them."""

from binascii import Error, a2b_base64

from gateway.domain.conversation import Media

DATA_URL = "data:"
PDF = "application/pdf"
# What every vendor takes as an image, and the word for it.
IMAGES = {"image/png": "png", "image/jpeg": "jpeg", "image/gif": "gif", "image/webp": "webp"}
DOCUMENTS = {
    PDF: "pdf",
    "text/csv": "csv",
    "application/msword": "doc",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
    "application/vnd.ms-excel": "xls",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
    "text/html": "html",
    "text/plain": "txt",
    "text/markdown": "md",
}
MEDIA_TYPES = {word: kind for kind, word in (IMAGES | DOCUMENTS).items()}
UNKNOWN_TYPE = "application/octet-stream"
# What clients say, and vendors do not know.
_MEANT = {"image/jpg": "image/jpeg", "image/pjpeg": "image/jpeg"}
# How the data of an image begins, in base64.
_BEGINNINGS = {
    "iVBOR": "image/png",
    "/9j/": "image/jpeg",
    "R0lGOD": "image/gif",
    "UklGR": "image/webp",
}


def is_image(media: Media) -> bool:
    """Is it a picture, of whatever kind?"""
    return media.media_type.startswith("image/")


def sniffed(data: str) -> str:
    """Return the type of an image by the beginning of its base64 data."""
    kinds = (kind for mark, kind in _BEGINNINGS.items() if data.startswith(mark))
    return next(kinds, UNKNOWN_TYPE)


def url_of(media: Media) -> str:
    """Return the data: URL of it."""
    return f"{DATA_URL}{media.media_type};base64,{media.data}"


def media_of(url: object, name: str = "", cache: str | None = None) -> Media | None:
    """Return what lies in a data: URL; None when it is none, or not base64."""
    if not isinstance(url, str) or not url.startswith(DATA_URL):
        return None
    head, _, data = url.removeprefix(DATA_URL).partition(",")
    media_type, _, encoding = head.partition(";")
    if encoding.split(";")[-1] != "base64" or not media_type:
        return None
    said = media_type.lower()
    return Media(_MEANT.get(said, said), data, name, cache)


def words_of(media: Media) -> str | None:
    """Return the words of a document that is text; None for any other."""
    if not media.media_type.startswith("text/"):
        return None
    try:
        return a2b_base64(media.data).decode()
    except (Error, ValueError):
        return None


def filename(media: Media) -> str:
    """Return the client's name of the file, or one that says only what it is."""
    kind = DOCUMENTS.get(media.media_type, media.media_type.rpartition("/")[2])
    return media.name or f"document.{kind}"


def is_base64(data: str) -> bool:
    """Is it something in base64, to the letter?"""
    try:
        return bool(a2b_base64(data, strict_mode=True))
    except (Error, ValueError):
        return False
