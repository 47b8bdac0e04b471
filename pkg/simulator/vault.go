package simulator

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"
)

// vault is a Secrets Manager that knows one operation, GetSecretValue.
type vault struct {
	mu      sync.Mutex
	seed    uint64
	secrets map[string]*vaultSecret
}

type vaultSecret struct {
	current, previous *vaultVersion
	refusal           string // an error code instead of a value
}

type vaultVersion struct {
	id      string
	text    string
	binary  []byte
	created time.Time
}

func newVault(seed uint64) *vault { return &vault{seed: seed, secrets: map[string]*vaultSecret{}} }

func (v *vault) put(name string, version *vaultVersion) {
	v.mu.Lock()
	defer v.mu.Unlock()
	s := v.secrets[name]
	if s == nil {
		s = &vaultSecret{}
		v.secrets[name] = s
	}
	n := uint64(len(v.secrets))
	if s.current != nil {
		n += uint64(s.current.created.UnixNano())
	}
	version.id, version.created = guidFrom(v.seed+4, n).String(), time.Now()
	s.previous, s.current, s.refusal = s.current, version, ""
}

// SetSecret stores a secret's text in the simulated Secrets Manager. The value
// before becomes the stage AWSPREVIOUS.
func (t *Tenant) SetSecret(name, text string) { t.vault.put(name, &vaultVersion{text: text}) }

// SetSecretBinary stores a binary secret.
func (t *Tenant) SetSecretBinary(name string, value []byte) {
	t.vault.put(name, &vaultVersion{binary: append([]byte(nil), value...)})
}

// RefuseSecret makes reads of a secret fail with an error code of Secrets
// Manager: InvalidRequestException (it is scheduled for deletion),
// AccessDeniedException, DecryptionFailure, InternalServiceError or
// ResourceNotFoundException. SetSecret heals it.
func (t *Tenant) RefuseSecret(name, code string) error {
	t.vault.mu.Lock()
	defer t.vault.mu.Unlock()
	s := t.vault.secrets[name]
	if s == nil {
		return fmt.Errorf("refuse secret %q: there is no such secret", name)
	}
	s.refusal = code
	return nil
}

const arnPrefix = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:"

// SecretARN is the ARN of a secret: its name and six characters.
func (t *Tenant) SecretARN(name string) string { return arnPrefix + name + "-S1mul8" }

type vaultError struct {
	status  int
	code    string
	message string
}

// secretsManager answers the AWS JSON 1.1 protocol.
func (x *exchange) secretsManager() {
	x.kind("secret")
	body, err := io.ReadAll(io.LimitReader(x.r.Body, 1<<20))
	var in struct {
		Secret  string `json:"SecretId"`
		Stage   string `json:"VersionStage"`
		Version string `json:"VersionId"`
	}
	target := x.r.Header.Get("X-Amz-Target")
	switch {
	case err != nil || json.Unmarshal(body, &in) != nil:
		x.awsError(vaultError{400, "SerializationException", "Unable to parse the request."})
		return
	case target != "secretsmanager.GetSecretValue":
		x.awsError(vaultError{400, "UnknownOperationException", "The simulator serves GetSecretValue only."})
		return
	case !strings.HasPrefix(x.r.Header.Get("Authorization"), "AWS4-"):
		x.awsError(vaultError{400, "MissingAuthenticationTokenException", "Missing Authentication Token"})
		return
	}
	name := in.Secret
	if rest, ok := strings.CutPrefix(name, arnPrefix); ok {
		name = strings.TrimSuffix(rest, "-S1mul8")
	}
	version, stage, refusal := x.tenant.vault.get(name, in.Stage, in.Version)
	if refusal != nil {
		x.awsError(*refusal)
		return
	}
	answer := map[string]any{
		"ARN": x.tenant.SecretARN(name), "Name": name, "VersionId": version.id, "VersionStages": []string{stage},
		"CreatedDate": float64(version.created.UnixMilli()) / 1000,
	}
	if version.binary != nil {
		answer["SecretBinary"] = base64.StdEncoding.EncodeToString(version.binary)
	} else {
		answer["SecretString"] = version.text
	}
	out, err := json.Marshal(answer)
	if err != nil {
		x.awsError(vaultError{500, "InternalServiceError", "An error occurred on the server side."})
		return
	}
	x.w.Header().Set("x-amzn-RequestId", x.requestID)
	x.head(http.StatusOK, "application/x-amz-json-1.1")
	x.write(out)
}

// get reads a version of a secret, by stage or by id.
func (v *vault) get(name, stage, id string) (*vaultVersion, string, *vaultError) {
	v.mu.Lock()
	defer v.mu.Unlock()
	s := v.secrets[name]
	if s == nil {
		return nil, "", &vaultError{400, "ResourceNotFoundException", "Secrets Manager can't find the specified secret."}
	}
	if s.refusal != "" {
		status := 400
		if s.refusal == "InternalServiceError" {
			status = 500
		}
		return nil, "", &vaultError{status, s.refusal, refusalMessage(s.refusal, name)}
	}
	for _, held := range []struct {
		version *vaultVersion
		stage   string
	}{{s.current, "AWSCURRENT"}, {s.previous, "AWSPREVIOUS"}} {
		if held.version == nil || id != "" && id != held.version.id || stage != "" && stage != held.stage {
			continue
		}
		return held.version, held.stage, nil
	}
	if stage == "" {
		stage = id
	}
	return nil, "", &vaultError{400, "ResourceNotFoundException", "Secrets Manager can't find the specified secret value for staging label: " + stage}
}

func refusalMessage(code, name string) string {
	switch code {
	case "InvalidRequestException":
		return "You can't perform this operation on the secret because it was marked for deletion."
	case "AccessDeniedException":
		return "User: arn:aws:sts::123456789012:assumed-role/rollcall/users is not authorized to perform: secretsmanager:GetSecretValue on resource: " + name + " because no identity-based policy allows the secretsmanager:GetSecretValue action"
	case "DecryptionFailure":
		return "Secrets Manager can't decrypt the protected secret text using the provided KMS key."
	case "ResourceNotFoundException":
		return "Secrets Manager can't find the specified secret."
	default:
		return "An error occurred on the server side."
	}
}

func (x *exchange) awsError(e vaultError) {
	x.w.Header().Set("x-amzn-RequestId", x.requestID)
	x.w.Header().Set("x-amzn-ErrorType", e.code)
	x.head(e.status, "application/x-amz-json-1.1")
	b := append([]byte(`{"__type":`), quote(e.code)...)
	b = append(append(b, `,"message":`...), quote(e.message)...)
	x.write(append(b, '}'))
}
