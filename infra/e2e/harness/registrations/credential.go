package registrations

import (
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"
)

func addPassword(r *request) {
	app := r.application()
	wanted, _ := r.body["passwordCredential"].(Object)
	end, err := time.Parse(time.RFC3339, text(wanted, "endDateTime"))
	if err != nil || end.Before(time.Now()) {
		invalid("Credential lifetime is invalid: the end date has passed.")
	}
	// With characters that Entra ID's have, and a mark that a search for leaks can find.
	value := "S3c~" + strings.ReplaceAll(newID(), "-", "._")[:32]
	r.secrets = append(r.secrets, value)
	password := Object{"keyId": newID(), "displayName": wanted["displayName"], "startDateTime": time.Now().UTC().Format(time.RFC3339), "endDateTime": end.UTC().Format(time.RFC3339), "hint": value[:3]}
	app["passwordCredentials"] = append(app["passwordCredentials"].([]any), password)
	shown := maps.Clone(password)
	shown["secretText"] = value
	r.shows(shown)
}

func removePassword(r *request) {
	app := r.application()
	left := []any{}
	for _, p := range objects(app, "passwordCredentials") {
		if p["keyId"] != r.body["keyId"] {
			left = append(left, p)
		}
	}
	if len(left) == len(objects(app, "passwordCredentials")) {
		invalid("No password credential found with keyId '" + text(r.body, "keyId") + "'.")
	}
	app["passwordCredentials"] = left
	r.done()
}

// certificates returns what becomes of an application's certificates. What Graph has shown of one
// has no key; such a one stays as it is.
func certificates(have, want []Object) []any {
	next := []any{}
	for _, w := range want {
		if i := slices.IndexFunc(have, func(h Object) bool { return h["keyId"] == w["keyId"] }); i >= 0 && w["key"] == nil {
			next = append(next, have[i])
			continue
		}
		certificate := parse(text(w, "key"))
		end, err := time.Parse(time.RFC3339, text(w, "endDateTime"))
		if w["endDateTime"] == nil {
			end, err = certificate.NotAfter, nil
		}
		if err != nil || end.After(certificate.NotAfter) {
			invalid("Key credential end date is invalid: it is after that of the certificate.")
		}
		if w["keyId"] == nil {
			w["keyId"] = newID()
		}
		w["key"], w["endDateTime"] = nil, end.UTC().Format(time.RFC3339)
		if w["startDateTime"] == nil {
			w["startDateTime"] = certificate.NotBefore.UTC().Format(time.RFC3339)
		}
		w["subject"] = certificate.Subject.String()
		next = append(next, w)
	}
	return next
}

// parse takes base64 of a certificate in DER, or of its PEM.
func parse(key string) *x509.Certificate {
	der, err := base64.StdEncoding.DecodeString(key)
	if block, rest := pem.Decode(der); block != nil {
		if strings.Contains(string(der), "PRIVATE KEY") || strings.TrimSpace(string(rest)) != "" {
			invalid("Key credential has more than a certificate in it.")
		}
		der = block.Bytes
	}
	certificate, parsing := x509.ParseCertificate(der)
	if err != nil || parsing != nil {
		invalid("Key credential value is not a valid certificate.")
	}
	return certificate
}

func listFederated(r *request) { r.lists(r.federated[text(r.application(), "id")]) }

func showFederated(r *request) { r.shows(r.federatedOne()) }

func (r *request) federatedOne() Object {
	name := r.http.PathValue("credential")
	for _, o := range r.federated[text(r.application(), "id")] {
		if o["id"] == name || o["name"] == name {
			return o
		}
	}
	missing(name)
	return nil
}

func addFederated(r *request) {
	app := text(r.application(), "id")
	if len(r.federated[app]) >= 20 {
		invalid("No more than 20 federated identity credentials can be added to an application.")
	}
	r.checkFederated(app, r.body, "")
	credential := r.create(r.body)
	r.federated[app] = append(r.federated[app], credential)
	r.creates(credential)
}

func changeFederated(r *request) {
	credential := r.federatedOne()
	if name := r.body["name"]; name != nil && name != credential["name"] {
		invalid("The name of a federated identity credential cannot be changed.")
	}
	next := maps.Clone(credential)
	maps.Copy(next, r.body)
	r.checkFederated(text(r.application(), "id"), next, text(credential, "id"))
	maps.Copy(credential, r.body)
	r.done()
}

func removeFederated(r *request) {
	app, id := text(r.application(), "id"), r.federatedOne()["id"]
	r.federated[app] = slices.DeleteFunc(r.federated[app], func(o Object) bool { return o["id"] == id })
	r.done()
}

// checkFederated holds a credential against what Entra ID documents of federated credentials.
func (r *request) checkFederated(app string, o Object, id string) {
	audiences, _ := o["audiences"].([]any)
	issuer, subject := text(o, "issuer"), text(o, "subject")
	switch {
	case !regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{2,119}$`).MatchString(text(o, "name")):
		invalid("The name of a federated identity credential has 3 to 120 characters that a URL may have.")
	case len(audiences) != 1:
		invalid("Exactly one audience is required.")
	case !strings.HasPrefix(issuer, "https://") || strings.TrimSpace(issuer) != issuer || len(issuer) > 600:
		invalid("The issuer is not valid.")
	case subject == "" || len(subject) > 600:
		invalid("The subject is not valid.")
	}
	for _, other := range r.federated[app] {
		if other["id"] == id {
			continue
		}
		if other["name"] == o["name"] || other["issuer"] == issuer && other["subject"] == subject {
			refuse(http.StatusConflict, "Request_MultipleObjectsWithSameKeyValue", "FederatedIdentityCredential with this name, or this issuer and subject, already exists.")
		}
	}
}
