package vault

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync"

	"github.com/rollcall-dev/rollcall/pkg/simulator/guid"
	"github.com/rollcall-dev/rollcall/pkg/simulator/wire"
)

// KMS is a simulated AWS KMS that keeps asymmetric keys, and knows the operations Sign and
// GetPublicKey.
type KMS struct {
	mu   sync.Mutex
	seed uint64
	keys map[string]*kmsKey // by id
}

type kmsKey struct {
	signer  crypto.Signer
	refusal string
}

// NewKMS makes a KMS without keys. The seed determines their ids.
func NewKMS(seed uint64) *KMS { return &KMS{seed: seed, keys: map[string]*kmsKey{}} }

const keyPrefix = "arn:aws:kms:eu-west-1:123456789012:key/"

// Add makes a key, RSA_2048 or ECC_NIST_P256, and returns its ARN.
func (k *KMS) Add(spec string) (arn string, err error) {
	signer, err := newSigner(spec == "ECC_NIST_P256")
	if err != nil {
		return "", err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	id := guid.Of(k.seed+9, uint64(len(k.keys))).String()
	k.keys[id] = &kmsKey{signer: signer}
	return keyPrefix + id, nil
}

// Refuse makes uses of a key fail with an error code of KMS, such as DisabledException,
// KMSInvalidStateException, AccessDeniedException or ThrottlingException; "" ends that.
func (k *KMS) Refuse(arn, code string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if key := k.keys[strings.TrimPrefix(arn, keyPrefix)]; key != nil {
		key.refusal = code
	}
}

// Serve answers a request in the AWS JSON 1.1 protocol.
func (k *KMS) Serve(x *wire.Exchange) {
	x.NoteKind("kms")
	x.W.Header().Set("x-amzn-RequestId", x.RequestID)
	answer, r := k.answer(x.R)
	text, err := json.Marshal(answer)
	if err != nil {
		r = refusalOfKey("KMSInternalException")
	}
	if r != nil {
		x.Head(r.status, "application/x-amz-json-1.1")
		x.Write([]byte(`{"__type":` + wire.Quote(r.code) + `,"message":` + wire.Quote(r.message) + `}`))
		return
	}
	x.Head(http.StatusOK, "application/x-amz-json-1.1")
	x.Write(text)
}

func (k *KMS) answer(r *http.Request) (map[string]any, *refusal) {
	body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	var in struct {
		ID        string `json:"KeyId"`
		Message   []byte
		Kind      string `json:"MessageType"`
		Algorithm string `json:"SigningAlgorithm"`
	}
	switch {
	case err != nil || json.Unmarshal(body, &in) != nil:
		return nil, &refusal{400, "SerializationException", "Unable to parse the request."}
	case !strings.HasPrefix(r.Header.Get("Authorization"), "AWS4-"):
		return nil, &refusal{400, "MissingAuthenticationTokenException", "Missing Authentication Token"}
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	key := k.keys[strings.TrimPrefix(in.ID, keyPrefix)]
	switch operation := r.Header.Get("X-Amz-Target"); {
	case key == nil:
		return nil, refusalOfKey("NotFoundException")
	case key.refusal != "":
		return nil, refusalOfKey(key.refusal)
	case operation == "TrentService.GetPublicKey":
		return key.public(in.ID)
	case operation == "TrentService.Sign":
		return key.sign(in.ID, in.Message, in.Kind, in.Algorithm)
	}
	return nil, &refusal{400, "UnknownOperationException", "The simulator serves Sign and GetPublicKey only."}
}

func (k *kmsKey) public(id string) (map[string]any, *refusal) {
	der, err := x509.MarshalPKIXPublicKey(k.signer.Public())
	if err != nil {
		return nil, refusalOfKey("KMSInternalException")
	}
	return map[string]any{"KeyId": id, "PublicKey": der, "KeyUsage": "SIGN_VERIFY"}, nil
}

func (k *kmsKey) sign(id string, message []byte, kind, algorithm string) (map[string]any, *refusal) {
	_, isRSA := k.signer.(*rsa.PrivateKey)
	var by crypto.SignerOpts = crypto.SHA256
	switch {
	case kind != "DIGEST" || len(message) != sha256.Size:
		return nil, refusalOfKey("ValidationException")
	case isRSA != strings.HasPrefix(algorithm, "RSASSA_"):
		return nil, refusalOfKey("InvalidKeyUsageException")
	case algorithm == "RSASSA_PSS_SHA_256":
		by = &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: crypto.SHA256}
	case algorithm != "RSASSA_PKCS1_V1_5_SHA_256" && algorithm != "ECDSA_SHA_256":
		return nil, refusalOfKey("ValidationException")
	}
	signature, err := k.signer.Sign(rand.Reader, message, by)
	if err != nil {
		return nil, refusalOfKey("KMSInternalException")
	}
	return map[string]any{"KeyId": id, "Signature": signature, "SigningAlgorithm": algorithm}, nil
}

// refusalOfKey is the refusal with a code.
func refusalOfKey(code string) *refusal {
	r := &refusal{400, code, "The request is not valid."}
	switch code {
	case "AccessDeniedException":
		r.message = "User: arn:aws:sts::123456789012:assumed-role/rollcall/users is not authorized to perform: kms:Sign because no identity-based policy allows the kms:Sign action"
	case "DisabledException":
		r.message = "The key is disabled."
	case "KMSInvalidStateException":
		r.message = "The key is pending deletion."
	case "NotFoundException":
		r.message = "Invalid keyId"
	case "InvalidKeyUsageException":
		r.message = "The algorithm is incompatible with the key spec."
	case "ThrottlingException":
		r.message = "Rate exceeded"
	case "KMSInternalException", "DependencyTimeoutException", "KeyUnavailableException":
		r.status, r.message = 500, "The request could not be completed."
	}
	return r
}
