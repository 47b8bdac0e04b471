// Package sts is a simulated AWS Security Token Service that knows one operation,
// GetWebIdentityToken, and the account's issuer of such tokens with its documents. It
// imports packages guid, jwt and wire only.
package sts

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/xml"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/simulator/guid"
	"github.com/rollcall-dev/rollcall/pkg/simulator/jwt"
	"github.com/rollcall-dev/rollcall/pkg/simulator/wire"
)

// Account is an AWS account with outbound identity federation.
type Account struct {
	issuer string
	rsa    func() *rsa.PrivateKey
	curve  func() *ecdsa.PrivateKey

	role    string
	mu      sync.Mutex
	refusal string
	serial  uint64
}

// New makes an account, which the seed names, and whose role, by its ARN, asks. Its keys are made when they are needed.
func New(seed uint64, role string) *Account {
	return &Account{
		issuer: "https://" + guid.Of(seed+7, 1).String() + issuerDomain, role: role,
		rsa: sync.OnceValue(func() *rsa.PrivateKey {
			key, _ := rsa.GenerateKey(rand.Reader, 2048) // fails for lengths that are not allowed
			return key
		}),
		curve: sync.OnceValue(func() *ecdsa.PrivateKey {
			key, _ := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
			return key
		}),
	}
}

// Refuse makes requests fail with an error code of STS, such as
// OutboundWebIdentityFederationDisabledException or AccessDenied; "" ends that.
func (a *Account) Refuse(code string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.refusal = code
}

type result struct {
	XMLName   xml.Name `xml:"https://sts.amazonaws.com/doc/2011-06-15/ GetWebIdentityTokenResponse"`
	Expires   string   `xml:"GetWebIdentityTokenResult>Expiration"`
	Token     string   `xml:"GetWebIdentityTokenResult>WebIdentityToken"`
	RequestID string   `xml:"ResponseMetadata>RequestId"`
}

type refusal struct {
	XMLName   xml.Name `xml:"https://sts.amazonaws.com/doc/2011-06-15/ ErrorResponse"`
	Type      string   `xml:"Error>Type"`
	Code      string   `xml:"Error>Code"`
	Message   string   `xml:"Error>Message"`
	RequestID string   `xml:"RequestId"`
	status    int
}

// Serve answers a request in the AWS Query protocol.
func (a *Account) Serve(x *wire.Exchange) {
	x.NoteKind("sts")
	x.W.Header().Set("x-amzn-RequestId", x.RequestID)
	body, err := io.ReadAll(io.LimitReader(x.R.Body, 1<<20))
	form, formErr := url.ParseQuery(string(body))
	var answer any
	status := http.StatusOK
	switch token, expires, r := a.issueTo(x.R, form); {
	case err != nil || formErr != nil:
		return
	case r != nil:
		r.RequestID, status, answer = x.RequestID, r.status, r
	default:
		answer = &result{Expires: expires.Format(time.RFC3339), Token: token, RequestID: x.RequestID}
	}
	text, err := xml.Marshal(answer)
	if err != nil {
		return
	}
	x.Head(status, "text/xml")
	x.Write(text)
}

// issueTo issues the token that a request asks for.
func (a *Account) issueTo(r *http.Request, form url.Values) (token string, expires time.Time, refused *refusal) {
	a.mu.Lock()
	defer a.mu.Unlock()
	seconds, err := 300, error(nil)
	if text := form.Get("DurationSeconds"); text != "" {
		seconds, err = strconv.Atoi(text)
	}
	audiences := []string{}
	for i := 1; form.Has("Audience.member." + strconv.Itoa(i)); i++ {
		audiences = append(audiences, form.Get("Audience.member."+strconv.Itoa(i)))
	}
	algorithm := form.Get("SigningAlgorithm")
	switch {
	case form.Get("Action") != "GetWebIdentityToken" || form.Get("Version") != "2011-06-15" || r.Host == "sts.amazonaws.com":
		return "", expires, a.refuse("InvalidAction")
	case !strings.HasPrefix(r.Header.Get("Authorization"), "AWS4-HMAC-SHA256 "):
		return "", expires, a.refuse("MissingAuthenticationToken")
	case a.refusal != "":
		return "", expires, a.refuse(a.refusal)
	case err != nil || seconds < 60 || seconds > 3600 || len(audiences) < 1 || len(audiences) > 10 || algorithm != "RS256" && algorithm != "ES384":
		return "", expires, a.refuse("ValidationError")
	case !permitted(audiences, algorithm, seconds):
		return "", expires, a.refuse("AccessDenied")
	}
	expires = time.Now().UTC().Add(time.Duration(seconds) * time.Second).Truncate(time.Second)
	token, err = a.sign(a.role, audiences, algorithm, expires)
	if err != nil {
		return "", expires, a.refuse("InternalFailure")
	}
	return token, expires, nil
}

// permitted is what the statement of template.yaml permits.
func permitted(audiences []string, algorithm string, seconds int) bool {
	return len(audiences) == 1 && strings.HasPrefix(audiences[0], "api://AzureADTokenExchange") && algorithm == "RS256" && seconds <= 300
}

// Issue returns a token of the account's issuer for any subject and audience, signed by
// RS256 or ES384.
func (a *Account) Issue(subject, audience, algorithm string, lifetime time.Duration) (string, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.sign(subject, []string{audience}, algorithm, time.Now().Add(lifetime))
}

// about is what the tokens say of whom they are for, beside the registered claims.
type about struct {
	jwt.Claims
	AWS struct {
		Account string `json:"aws_account"`
		Region  string `json:"source_region"`
	} `json:"https://sts.amazonaws.com/"`
}

func (a *Account) sign(subject string, audiences []string, algorithm string, expires time.Time) (string, error) {
	a.serial++
	now := time.Now()
	says := about{Claims: jwt.Claims{
		Issuer: a.issuer, Subject: subject, Audience: audiences, ID: guid.Of(8, a.serial).String(), IssuedAt: now.Unix(), Expires: expires.Unix(),
	}}
	says.AWS.Account, says.AWS.Region = "123456789012", "eu-west-1"
	var key crypto.Signer = a.rsa()
	if algorithm == "ES384" {
		key = a.curve()
	}
	return jwt.Sign(key, jwt.Header{Algorithm: algorithm, Type: "JWT", KeyID: algorithm + "-1"}, says)
}

// refuse makes the refusal of a code.
func (a *Account) refuse(code string) *refusal {
	r := &refusal{Type: "Sender", Code: code, Message: "The request is not valid.", status: http.StatusBadRequest}
	switch code {
	case "AccessDenied":
		r.status = http.StatusForbidden
		r.Message = "User: " + a.role + " is not authorized to perform: sts:GetWebIdentityToken on resource: * because no identity-based policy allows the sts:GetWebIdentityToken action"
	case "MissingAuthenticationToken":
		r.status, r.Message = http.StatusForbidden, "Request is missing Authentication Token"
	case "OutboundWebIdentityFederationDisabledException":
		r.Message = "Outbound web identity federation is not enabled for account 123456789012."
	case "Throttling":
		r.Message = "Rate exceeded"
	}
	if slices.Contains([]string{"InternalFailure", "ServiceUnavailable"}, code) {
		r.Type, r.status, r.Message = "Receiver", http.StatusServiceUnavailable, "Service is unable to handle request."
	}
	return r
}
