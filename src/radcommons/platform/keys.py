"""Ed25519 keys (RFC 8032): who signed a document, and whether it is still what was signed."""

from __future__ import annotations

import base64
import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from radcommons.platform.durable import write_file
from radcommons.records.documents import canonical, seal
from radcommons.records.errors import IntegrityError
from radcommons.records.submission import Signature


def key_id(public_key: bytes) -> str:
    """Return the name of a raw public key: the first 16 hexadecimal digits of its SHA-256."""
    return hashlib.sha256(public_key).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key; its bytes appear in no text form."""

    _private: Ed25519PrivateKey

    def __repr__(self) -> str:
        return f"SigningKey({self.key_id})"

    @classmethod
    def create(cls) -> SigningKey:
        """Return a new key from the operating system's randomness."""
        return cls(Ed25519PrivateKey.generate())

    @classmethod
    def load(cls, path: Path) -> SigningKey:
        """Return the key in `path` (raw, 32 bytes)."""
        return cls(Ed25519PrivateKey.from_private_bytes(path.read_bytes()))

    @classmethod
    def load_or_create(cls, path: Path) -> SigningKey:
        """Return the key in `path`, made and saved first when there is none."""
        if not path.exists():
            cls.create().save(path)
        return cls.load(path)

    def save(self, path: Path) -> None:
        """Write the key, readable by its owner alone."""
        write_file(path, self._private.private_bytes_raw(), mode=0o600)

    @property
    def public_key(self) -> bytes:
        """The raw public key, 32 bytes."""
        return self._private.public_key().public_bytes_raw()

    @property
    def key_id(self) -> str:
        """The key's name."""
        return key_id(self.public_key)

    def sign(self, message: bytes) -> Signature:
        """Return the signature over `message`, usually a document's canonical bytes."""
        value = base64.b64encode(self._private.sign(message)).decode()
        return Signature(key_id=self.key_id, algorithm="Ed25519", value=value)

    def derived(self, purpose: str) -> bytes:
        """Return 32 secret bytes for one purpose (HKDF, RFC 5869); they tell nothing of the key or of each other."""
        made = HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=f"radcommons {purpose}".encode())
        return made.derive(self._private.private_bytes_raw())

    def lock(self, secret: str, *, purpose: str) -> str:
        """Return a short secret encrypted (RFC 8439): a copy of the database alone tells nothing."""
        nonce = os.urandom(12)
        locked = ChaCha20Poly1305(self.derived(purpose)).encrypt(nonce, secret.encode(), None)
        return base64.b64encode(nonce + locked).decode()

    def unlock(self, locked: str, *, purpose: str) -> str:
        """Return what `lock` was given.

        Raises
        ------
        IntegrityError
            If it was locked with another key, or changed.
        """
        content = base64.b64decode(locked)
        try:
            return ChaCha20Poly1305(self.derived(purpose)).decrypt(content[:12], content[12:], None).decode()
        except InvalidTag:
            raise IntegrityError("A kept secret does not open with this hub's key.") from None

    def seal(self, record: object) -> dict[str, Any]:
        """Return the JSON object of a record with this key's signature."""
        return seal(record, signature=self.sign(canonical(record)))


def verify(signature: Signature, *, message: bytes, public_key: bytes) -> None:
    """Check a signature.

    Raises
    ------
    IntegrityError
        If it was made by another key or over other bytes.
    """
    if signature.key_id != key_id(public_key):
        raise IntegrityError(
            f"The signature is by key {signature.key_id}, expected {key_id(public_key)}.",
            mend="Ask the signer whether the key was changed.",
        )
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(base64.b64decode(signature.value), message)
    except (InvalidSignature, ValueError):
        raise IntegrityError("The signature does not agree with the document.") from None
