"""The formats of images and documents, and what passes for bytes."""

from binascii import Error, a2b_base64

IMAGES = {"image/png": "png", "image/jpeg": "jpeg", "image/gif": "gif", "image/webp": "webp"}
DOCUMENTS = {
    "application/pdf": "pdf",
    "text/csv": "csv",
    "application/msword": "doc",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
    "application/vnd.ms-excel": "xls",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
    "text/html": "html",
    "text/plain": "txt",
    "text/markdown": "md",
}
MEDIA_TYPES = {said: media for media, said in (IMAGES | DOCUMENTS).items()}


def is_base64(data: str) -> bool:
    """Is it something in base64, to the letter?"""
    try:
        return bool(a2b_base64(data, strict_mode=True))
    except (Error, ValueError):
        return False
