from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from adapters.public_key import public_key, seed_of


def test_the_public_key_is_the_librarys():
    for number in range(20):
        seed = seed_of(f"secret {number}")
        assert public_key(seed) == Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()
