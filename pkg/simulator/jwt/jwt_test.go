package jwt_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"

	"github.com/rollcall-dev/rollcall/pkg/simulator/jwt"
)

func TestATokenIsVerifiedByTheKeyThatSignedItAlone(t *testing.T) {
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	curve, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	other, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	for algorithm, key := range map[string]crypto.Signer{"RS256": rsaKey, "ES384": curve} {
		text, err := jwt.Sign(key, jwt.Header{Algorithm: algorithm, KeyID: "k"}, jwt.Claims{Issuer: "i", Audience: jwt.Audience{"a"}})
		if err != nil {
			t.Fatal(err)
		}
		token, err := jwt.Parse(text)
		if err != nil || token.Claims.Issuer != "i" || len(token.Claims.Audience) != 1 || token.Header.KeyID != "k" {
			t.Fatalf("%s: %+v, %v", algorithm, token, err)
		}
		if !token.Verify(key.Public()) || token.Verify(&other.PublicKey) {
			t.Errorf("%s is verified by another key, or not by its own", algorithm)
		}
		for _, changed := range []string{strings.Replace(text, ".", "A.", 1), text[:len(text)-6] + "AAAAAA"} {
			if token, err := jwt.Parse(changed); err == nil && token.Verify(key.Public()) {
				t.Errorf("%s: a token that was changed is verified", algorithm)
			}
		}
		for _, claimed := range []string{"RS256", "PS256", "ES384", "none"} {
			token, err := jwt.Parse(text)
			if err != nil {
				t.Fatal(err)
			}
			if token.Header.Algorithm = claimed; token.Verify(key.Public()) != (claimed == algorithm) {
				t.Errorf("%s is verified as %s", algorithm, claimed)
			}
		}
	}
}

func TestTheSaltOfPS256IsAsLongAsItsHash(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	signed := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"PS256"}`)) + "." + base64.RawURLEncoding.EncodeToString([]byte("{}"))
	digest := sha256.Sum256([]byte(signed))
	for salt, want := range map[int]bool{32: true, 20: false, rsa.PSSSaltLengthAuto: false} {
		signature, err := rsa.SignPSS(rand.Reader, key, crypto.SHA256, digest[:], &rsa.PSSOptions{SaltLength: salt})
		if err != nil {
			t.Fatal(err)
		}
		token, err := jwt.Parse(signed + "." + base64.RawURLEncoding.EncodeToString(signature))
		if err != nil || token.Verify(&key.PublicKey) != want {
			t.Errorf("a salt of %d: %v", salt, err)
		}
	}
}

func TestAKeyIsFoundInItsSetByItsID(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	curve, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	set, err := json.Marshal(jwt.KeySet{Keys: []jwt.Key{jwt.KeyOf("e", &curve.PublicKey), jwt.KeyOf("r", &key.PublicKey)}})
	if err != nil {
		t.Fatal(err)
	}
	if !key.PublicKey.Equal(jwt.Find(set, "r")) || jwt.Find(set, "e") != nil || jwt.Find(set, "x") != nil || jwt.Find([]byte("x"), "r") != nil {
		t.Errorf("%s", set)
	}
}

func TestWhatIsNoTokenIsNotRead(t *testing.T) {
	for _, text := range []string{"", "a.b", "a.b.c.d", "!.e30.e30", "e30.e30.!", "e30.W10.e30", "e30=.e30.e30", "bm8.e30.e30"} {
		if token, err := jwt.Parse(text); err == nil {
			t.Errorf("%q: %+v", text, token)
		}
	}
}
