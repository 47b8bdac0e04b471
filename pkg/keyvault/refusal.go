package keyvault

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/rollcall-dev/rollcall/pkg/diagnosis"
	"github.com/rollcall-dev/rollcall/pkg/diagnosis/azureapi"
	"github.com/rollcall-dev/rollcall/pkg/retry"
	"github.com/rollcall-dev/rollcall/pkg/secret"
)

// another is whether another attempt may succeed, and after how long the vault wants it.
type another struct {
	worth bool
	after time.Duration
}

const network = "check the network and the proxy; a vault with a private endpoint needs its private DNS zone"

// explain makes the error of a request to a vault, whose host is given. What the vault says
// in words is dropped: it may quote what was sent.
func (o object) explain(err error, host string) (*secret.Error, another) {
	var token *tokenError
	var answer *azcore.ResponseError
	f := azureapi.Of(err)
	switch {
	case errors.As(err, &token):
		return o.withoutToken(token.error), another{}
	case errors.As(err, &answer):
		e, again := o.refused(f, innerCode(answer.RawResponse), host)
		e.Status, e.RequestID = f.Status, f.RequestID
		if e.Code = f.Code; e.Code == "" {
			e.Code = innerCode(answer.RawResponse)
		}
		if again.worth && answer.RawResponse != nil {
			again.after = retry.After(answer.RawResponse.Header, time.Now())
		}
		return e, again
	case errors.Is(err, errTooLarge), errors.As(err, new(*http.MaxBytesError)):
		return &secret.Error{Kind: secret.Malformed, Problem: "the answer of Key Vault is larger than that for any " + o.noun, Advice: "check the name of the " + o.noun + ", and a proxy on the way"}, another{}
	case f.Connection == diagnosis.Timeout:
		return &secret.Error{Kind: secret.Unavailable, Problem: "Key Vault did not answer in time", Advice: network, Err: err}, another{worth: true}
	case f.Connection != diagnosis.None:
		return &secret.Error{Kind: secret.Unavailable, Problem: "Key Vault could not be reached: " + f.Connection.String(), Advice: network, Err: err}, another{worth: f.Connection.Transient()}
	}
	return &secret.Error{
		Kind: secret.Malformed, Problem: "the answer of Key Vault could not be read", Advice: "check the name of the " + o.noun + ", and a proxy on the way", Err: err,
	}, another{}
}

// refused follows "REST error codes" of Key Vault. inner is the code of innererror.
func (o object) refused(f diagnosis.Failure, inner, host string) (*secret.Error, another) {
	vault, _, _ := strings.Cut(host, ".")
	if e := o.useless(inner, vault); e != nil {
		return e, another{}
	}
	switch {
	case inner == "ForbiddenByFirewall", inner == "ForbiddenByConnection":
		return &secret.Error{Kind: secret.Forbidden, Problem: "the firewall of the vault does not let this function in", Advice: "allow its network: az keyvault network-rule add --name " + vault + " --subnet <id>, or give the vault a private endpoint"}, another{}
	case f.Status == http.StatusForbidden:
		return &secret.Error{Kind: secret.Forbidden, Problem: "the identity may not " + o.use, Advice: o.grant(vault)}, another{}
	case f.Status == http.StatusUnauthorized:
		return &secret.Error{Kind: secret.Forbidden, Problem: "Key Vault does not accept the token", Advice: "check that the identity is of the vault's tenant and the vault of the cloud that ROLLCALL_CLOUD names, and that the clock is right"}, another{}
	case f.Status == http.StatusNotFound, f.Status == http.StatusConflict:
		return &secret.Error{
			Kind: secret.Missing, Problem: o.the + ", or the version asked for, is not in the vault",
			Advice: "check its name (az keyvault " + o.noun + " list --vault-name " + vault + "); one that was deleted comes back by az keyvault " + o.noun + " recover --vault-name " + vault + " --name " + o.name,
		}, another{}
	case f.Status == http.StatusTooManyRequests:
		return &secret.Error{Kind: secret.Unavailable, Problem: "Key Vault is throttling", Advice: "try again later; ask one vault for less at a time"}, another{worth: true}
	case f.Status == http.StatusBadRequest:
		return &secret.Error{Kind: secret.Missing, Problem: "Key Vault does not accept the name or version of " + o.the, Advice: "correct it where it is configured"}, another{}
	case f.Status >= 300 && f.Status < 400:
		return &secret.Error{Kind: secret.Unavailable, Problem: "Key Vault answered with a redirect, which is not followed", Advice: network}, another{}
	}
	return &secret.Error{Kind: secret.Unavailable, Problem: "Key Vault answered with an error", Advice: "try again later"}, another{worth: f.Status >= http.StatusInternalServerError || f.Status == http.StatusRequestTimeout}
}

// grant is how an identity gets to use what a vault keeps.
func (o object) grant(vault string) string {
	return `give it the role ` + o.role + `, which takes effect after some minutes: az role assignment create --role "` + o.role + `"` +
		` --assignee-object-id <object id> --assignee-principal-type ServicePrincipal --scope $(az keyvault show --name ` + vault + ` --query id --output tsv)` +
		`; in a vault with access policies: az keyvault set-policy --name ` + vault + ` --object-id <object id> --` + o.noun + `-permissions ` + o.permissions
}

// withoutToken makes the error of a request for which there was no token. The text of the
// cause is not shown: it may quote the whole answer of a login service.
func (o object) withoutToken(err error) *secret.Error {
	e := &secret.Error{
		Kind: secret.Forbidden, Problem: "Azure gave no token to " + o.use,
		Advice: "check the managed identity of the function (AZURE_CLIENT_ID names a user-assigned one), or sign in with `az login`", Err: err,
	}
	var own interface { // an error of this project, which says what to do
		error
		Name() string
	}
	if errors.As(err, &own) {
		e.Problem, e.Advice = "no token for Key Vault: "+own.Error(), ""
	} else if connection := diagnosis.OfConnection(err); connection != diagnosis.None {
		e.Kind, e.Problem = secret.Unavailable, e.Problem+": "+connection.String()
	}
	return e
}

// innerCode returns the code of the innermost innererror of an answer that have one, "" for none.
func innerCode(resp *http.Response) string {
	if resp == nil {
		return ""
	}
	body, err := runtime.Payload(resp)
	if err != nil {
		return ""
	}
	code := ""
	value := jsontext.Value(body)
	for _, name := range []string{"error", "innererror", "innererror"} {
		object := value
		value = nil
		_ = secret.Object(object, func(member string, v jsontext.Value) error {
			if member == name {
				value = v.Clone()
			}
			return nil
		})
		if value == nil {
			break
		}
		if name == "innererror" {
			_ = secret.Object(value, func(member string, v jsontext.Value) error {
				if text, err := jsontext.AppendUnquote(nil, v); member == "code" && v.Kind() == '"' && err == nil {
					code = diagnosis.Token(string(text))
				}
				return nil
			})
		}
	}
	return code
}
