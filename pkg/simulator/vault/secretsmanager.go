// Package vault is where a simulated tenant keeps secrets and keys: an AWS Secrets Manager, which
// knows what reading and rotating a secret take (GetSecretValue, DescribeSecret,
// PutSecretValue and UpdateSecretVersionStage), an AWS KMS that signs, and an Azure Key Vault
// that knows Get Secret. It imports packages guid and wire only.
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
	made    uint64 // versions
	secrets map[string]*secret
}

// New makes an empty Secrets Manager. The seed determines version ids.
func New(seed uint64) *SecretsManager {
	return &SecretsManager{seed: seed, secrets: map[string]*secret{}}
}

// Set stores a secret's text. The value before becomes the stage AWSPREVIOUS.
func (m *SecretsManager) Set(name, text string) { m.put(name, &version{text: &text}) }

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
	v.id, s.refusal = m.newID(), ""
	s.add(v, current)
}

func (m *SecretsManager) newID() string {
	m.made++
	return guid.Of(m.seed+4, m.made).String()
}

// add adds a version that has labels.
func (s *secret) add(v *version, stages ...string) {
	v.created = time.Now()
	s.versions = append(s.versions, v)
	for _, stage := range stages {
		s.label(stage, v)
	}
}

// Refuse makes all requests about a secret fail with an error code of Secrets Manager until
// it is set to a new value.
func (m *SecretsManager) Refuse(name, code string) error {
	return m.change(name, func(s *secret) { s.refusal = code })
}

func (m *SecretsManager) change(name string, change func(*secret)) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.secrets[name]
	if s == nil {
		return fmt.Errorf("there is no secret %q", name)
	}
	change(s)
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

// request is a request of any of the operations.
type request struct {
	Secret  string   `json:"SecretId"`
	Stage   string   `json:"VersionStage"`
	Version string   `json:"VersionId"`
	Token   string   `json:"ClientRequestToken"`
	Text    *string  `json:"SecretString"`
	Binary  []byte   `json:"SecretBinary"`
	Stages  []string `json:"VersionStages"`
	From    string   `json:"RemoveFromVersionId"`
	To      string   `json:"MoveToVersionId"`
	name    string
}

// Serve answers a request in the AWS JSON 1.1 protocol.
func (m *SecretsManager) Serve(x *wire.Exchange) {
	x.NoteKind("secret")
	x.W.Header().Set("x-amzn-RequestId", x.RequestID)
	answer, r := m.answer(x.R)
	var body []byte
	if r == nil {
		var err error
		if body, err = json.Marshal(answer); err != nil {
			r = refusalOf("InternalServiceError", "")
		}
	}
	if r != nil {
		x.W.Header().Set("x-amzn-ErrorType", r.code)
		x.Head(r.status, "application/x-amz-json-1.1")
		x.Write([]byte(`{"__type":` + wire.Quote(r.code) + `,"message":` + wire.Quote(r.message) + `}`))
		return
	}
	x.Head(http.StatusOK, "application/x-amz-json-1.1")
	x.Write(body)
}

func (m *SecretsManager) answer(r *http.Request) (map[string]any, *refusal) {
	operation, known := map[string]func(*secret, *request) (map[string]any, *refusal){
		"secretsmanager.GetSecretValue": getSecretValue, "secretsmanager.DescribeSecret": describeSecret,
		"secretsmanager.PutSecretValue": m.putSecretValue, "secretsmanager.UpdateSecretVersionStage": updateSecretVersionStage,
	}[r.Header.Get("X-Amz-Target")]
	body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	var in request
	switch {
	case err != nil || json.Unmarshal(body, &in) != nil:
		return nil, &refusal{400, "SerializationException", "Unable to parse the request."}
	case !known:
		return nil, &refusal{400, "UnknownOperationException", "The simulator does not serve this operation."}
	case !strings.HasPrefix(r.Header.Get("Authorization"), "AWS4-"):
		return nil, &refusal{400, "MissingAuthenticationTokenException", "Missing Authentication Token"}
	}
	in.name = in.Secret
	if rest, ok := strings.CutPrefix(in.name, arnPrefix); ok {
		in.name = strings.TrimSuffix(rest, arnSuffix)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.secrets[in.name]
	switch {
	case s == nil:
		return nil, refusalOf("ResourceNotFoundException", in.name)
	case s.refusal != "":
		return nil, refusalOf(s.refusal, in.name)
	}
	return operation(s, &in)
}

// named are the members that every answer has.
func (in *request) named() map[string]any {
	return map[string]any{"ARN": ARN(in.name), "Name": in.name}
}

func getSecretValue(s *secret, in *request) (map[string]any, *refusal) {
	var v *version
	switch {
	case in.Version != "":
		v = s.byID(in.Version)
	case in.Stage != "":
		v = s.byStage(in.Stage)
	default:
		v = s.byStage(current)
	}
	if v == nil || v.empty() {
		return nil, &refusal{400, "ResourceNotFoundException", "Secrets Manager can't find the specified secret value for staging label: " + in.Stage + in.Version}
	}
	if in.Stage != "" && !slices.Contains(v.stages, in.Stage) {
		return nil, &refusal{400, "InvalidRequestException", "You provided a VersionStage that is not associated to the provided VersionId."}
	}
	answer := in.named()
	answer["VersionId"], answer["VersionStages"], answer["CreatedDate"] = v.id, v.stages, float64(v.created.UnixMilli())/1000
	if v.binary != nil {
		answer["SecretBinary"] = v.binary
	} else {
		answer["SecretString"] = *v.text
	}
	return answer, nil
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
