package certificate

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/des"
	"crypto/pbkdf2"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509/pkix"
	"encoding/asn1"
	"hash"
)

// maxRounds bounds how often a password is hashed to make a key of it. OpenSSL does it
// 2,048 times, others up to some 600,000 times.
const maxRounds = 1_000_000

// encryptedKey is EncryptedPrivateKeyInfo of RFC 5958.
type encryptedKey struct {
	Algorithm pkix.AlgorithmIdentifier
	Data      []byte
}

// pbes2 are the parameters of PBES2, and derivation those of PBKDF2 (RFC 8018).
type (
	pbes2      struct{ Derivation, Encryption pkix.AlgorithmIdentifier }
	derivation struct {
		Salt   []byte
		Rounds int
		Length int                      `asn1:"optional"`
		Hash   pkix.AlgorithmIdentifier `asn1:"optional"`
	}
)

// decryptPKCS8 returns the key inside an encrypted PKCS#8 text: PBES2 with PBKDF2, and AES or
// triple DES in CBC mode, as OpenSSL makes it. The standard library does not read these.
func decryptPKCS8(data []byte, password string) ([]byte, error) {
	var (
		outer  encryptedKey
		scheme pbes2
		by     derivation
		vector []byte
	)
	unsupported := &Error{"holds a key that is encrypted in a way that is not supported", "convert it: openssl pkcs8 -topk8 -v2 aes-256-cbc -in key.pem"}
	if !unmarshal(data, &outer) || !outer.Algorithm.Algorithm.Equal(oid(1, 2, 840, 113549, 1, 5, 13)) ||
		!unmarshal(outer.Algorithm.Parameters.FullBytes, &scheme) || !scheme.Derivation.Algorithm.Equal(oid(1, 2, 840, 113549, 1, 5, 12)) ||
		!unmarshal(scheme.Derivation.Parameters.FullBytes, &by) || !unmarshal(scheme.Encryption.Parameters.FullBytes, &vector) {
		return nil, unsupported
	}
	encryption, size := cipherOf(scheme.Encryption.Algorithm)
	hashing := hashOf(by.Hash.Algorithm)
	switch {
	case encryption == nil || hashing == nil || by.Rounds < 1 || by.Length != 0 && by.Length != size:
		return nil, unsupported
	case by.Rounds > maxRounds:
		return nil, errCostly()
	case password == "":
		return nil, wrongPassword(password)
	}
	key, err := pbkdf2.Key(hashing, password, by.Salt, by.Rounds, size)
	if err != nil {
		return nil, unsupported
	}
	block, err := encryption(key)
	if err != nil || len(vector) != block.BlockSize() || len(outer.Data) == 0 || len(outer.Data)%len(vector) != 0 {
		return nil, unsupported
	}
	plain := make([]byte, len(outer.Data))
	cipher.NewCBCDecrypter(block, vector).CryptBlocks(plain, outer.Data)
	// A wrong password gives noise, which now and then ends like padding.
	padding := int(plain[len(plain)-1])
	if padding < 1 || padding > len(vector) || !bytes.HasSuffix(plain, bytes.Repeat([]byte{byte(padding)}, padding)) || !isDER(plain) {
		return nil, wrongPassword(password)
	}
	return plain[:len(plain)-padding], nil
}

// cipherOf returns a cipher that is used in CBC mode and the length of its key, nil for an
// unknown one.
func cipherOf(algorithm asn1.ObjectIdentifier) (with func(key []byte) (cipher.Block, error), size int) {
	if algorithm.Equal(oid(1, 2, 840, 113549, 3, 7)) {
		return des.NewTripleDESCipher, 24
	}
	for last, size := range map[int]int{2: 16, 22: 24, 42: 32} {
		if algorithm.Equal(oid(2, 16, 840, 1, 101, 3, 4, 1, last)) {
			return aes.NewCipher, size
		}
	}
	return nil, 0
}

// hashOf returns the hash of HMAC, SHA-1 where none is named, nil for an unknown one.
func hashOf(algorithm asn1.ObjectIdentifier) func() hash.Hash {
	if len(algorithm) == 0 {
		return sha1.New
	}
	for last, hashing := range map[int]func() hash.Hash{7: sha1.New, 8: sha256.New224, 9: sha256.New, 10: sha512.New384, 11: sha512.New} {
		if algorithm.Equal(oid(1, 2, 840, 113549, 2, last)) {
			return hashing
		}
	}
	return nil
}

func oid(arcs ...int) asn1.ObjectIdentifier { return arcs }

// unmarshal reads one DER value that is all of data.
func unmarshal(data []byte, value any) bool {
	rest, err := asn1.Unmarshal(data, value)
	return err == nil && len(rest) == 0
}

func errCostly() error {
	return &Error{"is protected by a password that would be hashed a million times or more", "export it again with OpenSSL's or Windows' defaults"}
}

// costly reports whether DER names a number of rounds beyond maxRounds: an integer that
// follows octets, which is where PKCS#12 and PKCS#5 have it and certificates have none.
func costly(data []byte) bool {
	for octets := false; len(data) > 0; {
		var value asn1.RawValue
		rest, err := asn1.Unmarshal(data, &value)
		if err != nil {
			return false
		}
		var rounds int64
		switch {
		case value.Class == asn1.ClassUniversal && value.Tag == asn1.TagInteger && octets:
			if _, err := asn1.Unmarshal(value.FullBytes, &rounds); err != nil || rounds > maxRounds {
				return true
			}
		case value.IsCompound || value.Tag == asn1.TagOctetString:
			if costly(value.Bytes) {
				return true
			}
		}
		octets, data = value.Class == asn1.ClassUniversal && value.Tag == asn1.TagOctetString, rest
	}
	return false
}
