// Package vault is where a simulated tenant keeps secrets and keys: an AWS Secrets Manager that
// knows one operation, GetSecretValue, an AWS KMS that signs, and an Azure Key Vault that
// knows Get Secret. It imports packages guid and wire only.
package vault

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/simulator/guid"
	"github.com/rollcall-dev/rollcall/pkg/simulator/wire"
)

// SecretsManager is one account's secrets.
type SecretsManager struct {
	mu      sync.Mutex
	seed    uint64
	secrets map[string]*secret
}

type secret struct {
	current, previous *version
	refusal           string // an error code instead of a value
}

type version struct {
	id      string
	text    string
	binary  []byte
	created time.Time
}

// New makes an empty Secrets Manager. The seed determines version ids.
func New(seed uint64) *SecretsManager {
	return &SecretsManager{seed: seed, secrets: map[string]*secret{}}
}

// Set stores a secret's text. The value before becomes the stage AWSPREVIOUS.
func (m *SecretsManager) Set(name, text string) { m.put(name, &version{text: text}) }

// SetBinary stores a binary secret.
func (m *SecretsManager) SetBinary(name string, value []byte) {
	m.put(name, &version{binary: slices.Clone(value)})
}

func (m *SecretsManager) put(name string, v *version) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.secrets[name]
	if s == nil {
		s = &secret{}
		m.secrets[name] = s
	}
	n := uint64(len(m.secrets))
	if s.current != nil {
		n += uint64(s.current.created.UnixNano())
	}
	v.id, v.created = guid.Of(m.seed+4, n).String(), time.Now()
	s.previous, s.current, s.refusal = s.current, v, ""
}

// Refuse makes reads of a secret fail with an error code of Secrets Manager until
// it is set to a new value.
func (m *SecretsManager) Refuse(name, code string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.secrets[name]
	if s == nil {
		return fmt.Errorf("refuse secret %q: there is no such secret", name)
	}
	s.refusal = code
	return nil
}

const (
	arnPrefix = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:"
	arnSuffix = "-S1mul8"
)

// ARN is the ARN of a secret: its name and six characters.
func ARN(name string) string { return arnPrefix + name + arnSuffix }

type refusal struct {
	status  int
	code    string
	message string
}

// Serve answers a request in the AWS JSON 1.1 protocol.
func (m *SecretsManager) Serve(x *wire.Exchange) {
	x.NoteKind("secret")
	x.W.Header().Set("x-amzn-RequestId", x.RequestID)
	answer, r := m.getSecretValue(x.R)
	if r != nil {
		x.W.Header().Set("x-amzn-ErrorType", r.code)
		x.Head(r.status, "application/x-amz-json-1.1")
		x.Write([]byte(`{"__type":` + wire.Quote(r.code) + `,"message":` + wire.Quote(r.message) + `}`))
		return
	}
	x.Head(http.StatusOK, "application/x-amz-json-1.1")
	x.Write(answer)
}

func (m *SecretsManager) getSecretValue(r *http.Request) ([]byte, *refusal) {
	body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	var in struct {
		Secret  string `json:"SecretId"`
		Stage   string `json:"VersionStage"`
		Version string `json:"VersionId"`
	}
	switch {
	case err != nil || json.Unmarshal(body, &in) != nil:
		return nil, &refusal{400, "SerializationException", "Unable to parse the request."}
	case r.Header.Get("X-Amz-Target") != "secretsmanager.GetSecretValue":
		return nil, &refusal{400, "UnknownOperationException", "The simulator serves GetSecretValue only."}
	case !strings.HasPrefix(r.Header.Get("Authorization"), "AWS4-"):
		return nil, &refusal{400, "MissingAuthenticationTokenException", "Missing Authentication Token"}
	}
	name := in.Secret
	if rest, ok := strings.CutPrefix(name, arnPrefix); ok {
		name = strings.TrimSuffix(rest, arnSuffix)
	}
	v, stage, refused := m.find(name, in.Stage, in.Version)
	if refused != nil {
		return nil, refused
	}
	answer := map[string]any{
		"ARN": ARN(name), "Name": name, "VersionId": v.id, "VersionStages": []string{stage},
		"CreatedDate": float64(v.created.UnixMilli()) / 1000,
	}
	if v.binary != nil {
		answer["SecretBinary"] = v.binary
	} else {
		answer["SecretString"] = v.text
	}
	out, err := json.Marshal(answer)
	if err != nil {
		return nil, refusalOf("InternalServiceError", name)
	}
	return out, nil
}

// find finds a version of a secret, by stage or by id.
func (m *SecretsManager) find(name, stage, id string) (*version, string, *refusal) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.secrets[name]
	if s == nil {
		return nil, "", refusalOf("ResourceNotFoundException", name)
	}
	if s.refusal != "" {
		return nil, "", refusalOf(s.refusal, name)
	}
	for _, kept := range []struct {
		version *version
		stage   string
	}{{s.current, "AWSCURRENT"}, {s.previous, "AWSPREVIOUS"}} {
		if kept.version == nil || id != "" && id != kept.version.id || stage != "" && stage != kept.stage {
			continue
		}
		return kept.version, kept.stage, nil
	}
	if stage == "" {
		stage = id
	}
	return nil, "", &refusal{400, "ResourceNotFoundException", "Secrets Manager can't find the specified secret value for staging label: " + stage}
}

// refusalOf is the refusal with the code for a secret.
func refusalOf(code, name string) *refusal {
	r := &refusal{400, code, "An error occurred on the server side."}
	switch code {
	case "InvalidRequestException":
		r.message = "You can't perform this operation on the secret because it was marked for deletion."
	case "AccessDeniedException":
		r.message = "User: arn:aws:sts::123456789012:assumed-role/rollcall/users is not authorized to perform: secretsmanager:GetSecretValue on resource: " + name + " because no identity-based policy allows the secretsmanager:GetSecretValue action"
	case "DecryptionFailure":
		r.message = "Secrets Manager can't decrypt the protected secret text using the provided KMS key."
	case "ResourceNotFoundException":
		r.message = "Secrets Manager can't find the specified secret."
	case "InternalServiceError":
		r.status = 500
	}
	return r
}
