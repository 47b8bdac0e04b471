package simulator

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// tokenRefusal is an error of the token service.
type tokenRefusal struct {
	status int
	reason string
	number int
	text   string
	header http.Header
}

// errorPage says which errors come with the address of a page about them.
func errorPage(number int) bool {
	switch number {
	case 70003, 700038, 50049:
		return false
	default:
		return true
	}
}

// tokenError sends an error in the shape recorded in 2026: one line, a
// timestamp with a space, and error_uri only where there is a page.
func (x *exchange) tokenError(e *tokenRefusal) {
	correlation := x.r.Header.Get("Client-Request-Id")
	if _, ok := parseGUID(correlation); !ok {
		correlation = guidFrom(x.tenant.config.Seed+3, x.tenant.requests.Add(1)).String()
	}
	stamp := time.Now().UTC().Format("2006-01-02 15:04:05Z")
	number := strconv.Itoa(e.number)
	b := append([]byte(`{"error":`), quote(e.reason)...)
	b = append(b, `,"error_description":`...)
	b = append(b, quote("AADSTS"+number+": "+e.text+" Trace ID: "+x.requestID+" Correlation ID: "+correlation+" Timestamp: "+stamp)...)
	b = append(b, `,"error_codes":[`+number+`],"timestamp":"`+stamp+`","trace_id":"`+x.requestID+`","correlation_id":"`+correlation+`"`...)
	if errorPage(e.number) {
		b = append(b, `,"error_uri":"`+x.base()+`/error?code=`+number+`"`...)
	}
	for name, values := range e.header {
		x.w.Header()[name] = values
	}
	x.document(e.status, append(b, '}'))
}

// knows checks the tenant part of the path: the GUID or the domain.
func (t *Tenant) knows(tenant string) *tokenRefusal {
	if strings.EqualFold(tenant, t.config.Tenant) || strings.EqualFold(tenant, t.config.Domain) {
		return nil
	}
	if _, ok := parseGUID(tenant); !ok && !strings.Contains(tenant, ".") {
		return &tokenRefusal{
			status: 400, reason: "invalid_request", number: 900023,
			text: "Specified tenant identifier '" + tenant + "' is neither a valid DNS name, nor a valid external domain.",
		}
	}
	return &tokenRefusal{
		status: 400, reason: "invalid_request", number: 90002,
		text: "Tenant '" + tenant + "' not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud. Check with your subscription administrator, this may happen if there are no active subscriptions for the tenant.",
	}
}

// maxForm bounds a token request.
const maxForm = 1 << 20

// buyToken answers POST /{tenant}/oauth2/v2.0/token for client credentials.
func (x *exchange) buyToken(tenant string) {
	t := x.tenant
	if refusal := x.tokenFault(); refusal != nil {
		x.tokenError(refusal)
		return
	}
	body, err := io.ReadAll(io.LimitReader(x.r.Body, maxForm))
	form, formErr := url.ParseQuery(string(body))
	if x.r.Method != http.MethodPost || err != nil || formErr != nil {
		x.tokenError(&tokenRefusal{
			status: 400, reason: "invalid_request", number: 900561,
			text: "The endpoint only accepts POST requests. Received a " + x.r.Method + " request.",
		})
		return
	}
	if id, secret, ok := x.r.BasicAuth(); ok {
		form.Set("client_id", unescapeForm(id))
		form.Set("client_secret", unescapeForm(secret))
	}
	audience, refusal := t.checkGrant(tenant, form, x.r.Host)
	if refusal != nil {
		x.tokenError(refusal)
		return
	}
	token, lifetime := t.grant(audience, form.Get("claims"))
	text, err := t.mint(token, t.requests.Add(1))
	if err != nil {
		x.tokenError(&tokenRefusal{status: 500, reason: "temporarily_unavailable", number: 90033, text: "A transient error has occurred. Please try again."})
		return
	}
	seconds := strconv.Itoa(lifetime)
	answer := `{"token_type":"Bearer","expires_in":` + seconds + `,"ext_expires_in":` + seconds
	if lifetime > 7200 {
		answer += `,"refresh_in":` + strconv.Itoa(lifetime/2)
	}
	x.document(http.StatusOK, []byte(answer+`,"access_token":"`+text+`"}`))
}

func unescapeForm(s string) string {
	if plain, err := url.QueryUnescape(s); err == nil {
		return plain
	}
	return s
}

// tokenFault turns a token fault into its error.
func (x *exchange) tokenFault() *tokenRefusal {
	set := x.tenant.faults.take(atAnswer, onToken, 0)
	if len(set) == 0 {
		return nil
	}
	x.tenant.journal.note(x.entry, func(e *Request) { e.Faults = append(e.Faults, set...) })
	switch set[0] {
	case "token-429":
		return &tokenRefusal{
			status: 429, reason: "temporarily_unavailable", number: 90055,
			text: "Tenant throttled because of too many requests.", header: http.Header{"Retry-After": {"60"}},
		}
	case "token-500":
		return &tokenRefusal{status: 500, reason: "server_error", number: 90033, text: "A transient error has occurred. Please try again."}
	case "token-expired-secret":
		return x.tenant.expiredSecret()
	default:
		return x.tenant.wrongSecret()
	}
}

func (t *Tenant) wrongSecret() *tokenRefusal {
	return &tokenRefusal{
		status: 401, reason: "invalid_client", number: 7000215,
		text: "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID, for a secret added to app '" + t.config.ClientID + "'.",
	}
}

func (t *Tenant) expiredSecret() *tokenRefusal {
	return &tokenRefusal{
		status: 401, reason: "invalid_client", number: 7000222,
		text: "The provided client secret keys for app '" + t.config.ClientID + "' are expired. Visit the Azure portal to create new keys for your app: https://aka.ms/NewClientSecret, or consider using certificate credentials for added security: https://aka.ms/certCreds.",
	}
}

// grant decides what the token says and how long it lives, in seconds.
func (t *Tenant) grant(audience, claims string) (accessToken, int) {
	now := time.Now().Unix()
	lifetime := int(t.config.TokenLifetime / time.Second)
	token := accessToken{Audience: audience, Roles: t.config.Roles, IssuedAt: now - 300, NotBefore: now - 300}
	var asked struct {
		AccessToken struct {
			Capabilities struct {
				Values []string `json:"values"`
			} `json:"xms_cc"`
			NotBefore struct {
				Value string `json:"value"`
			} `json:"nbf"`
		} `json:"access_token"`
	}
	if json.Unmarshal([]byte(claims), &asked) == nil {
		for _, capability := range asked.AccessToken.Capabilities.Values {
			// The documentation writes cp1, Microsoft's libraries send CP1.
			token.Capabilities = append(token.Capabilities, strings.ToLower(capability))
		}
		if n, err := strconv.ParseInt(asked.AccessToken.NotBefore.Value, 10, 64); err == nil {
			token.Answered = n
		}
	}
	if roleSet(token.Capabilities).any("cp1") {
		lifetime = max(lifetime, 24*3600)
	}
	token.Expires = now + int64(lifetime)
	return token, lifetime
}
