package subscription

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/rollcall-dev/rollcall/pkg/simulator/grapherror"
	"github.com/rollcall-dev/rollcall/pkg/simulator/guid"
)

// Request is what an app asks for when it subscribes.
type Request struct {
	// ChangeType is updated, deleted, or both with a comma between.
	ChangeType string
	// NotificationURL gets the changes, LifecycleNotificationURL, which may be empty, what
	// happens to the subscription itself.
	NotificationURL, LifecycleNotificationURL string
	// Resource is users or users/{id}, as it was written; User is that id, or empty.
	Resource, User string
	// Expires is when the subscription ends.
	Expires time.Time
	// ClientState comes with each notification; it has at most 128 characters.
	ClientState string
	// TLSVersion is v1_0 to v1_3.
	TLSVersion string
}

// maxClientState is how many characters clientState may have.
const maxClientState = 128

// Decode reads the body of POST /subscriptions (Graph's reference, "Create
// subscription"). plain permits addresses with http:// on loopback.
func Decode(body []byte, plain bool) (r Request, refusal *grapherror.Error) {
	members, refusal := decodeMembers(body)
	if refusal != nil {
		return r, refusal
	}
	for _, name := range []string{"changeType", "notificationUrl", "resource", "expirationDateTime"} {
		if members.text(name) == "" && refusal == nil {
			refusal = invalid(name + " is a required property for subscription creation.")
		}
	}
	r = Request{
		ChangeType:               members.text("changeType"),
		NotificationURL:          members.text("notificationUrl"),
		LifecycleNotificationURL: members.text("lifecycleNotificationUrl"),
		Resource:                 members.text("resource"),
		ClientState:              members.text("clientState"),
		TLSVersion:               members.text("latestSupportedTlsVersion"),
	}
	for _, check := range []func() *grapherror.Error{
		members.checkRest, r.checkChangeType, r.checkResource, r.checkTLSVersion,
		func() *grapherror.Error { return checkURL("notificationUrl", r.NotificationURL, plain) },
		func() *grapherror.Error {
			if r.LifecycleNotificationURL == "" {
				return nil
			}
			return checkURL("lifecycleNotificationUrl", r.LifecycleNotificationURL, plain)
		},
		func() (refusal *grapherror.Error) {
			r.Expires, refusal = parseExpiry(members.text("expirationDateTime"))
			return refusal
		},
	} {
		if refusal == nil {
			refusal = check()
		}
	}
	if refusal == nil && utf8.RuneCountInString(r.ClientState) > maxClientState {
		refusal = invalid(fmt.Sprintf("clientState must not be longer than %d characters.", maxClientState))
	}
	return r, refusal
}

// DecodeRenewal reads the body of PATCH /subscriptions/{id}, in which the expiry alone can
// be changed.
func DecodeRenewal(body []byte) (expires time.Time, refusal *grapherror.Error) {
	members, refusal := decodeMembers(body)
	if refusal != nil {
		return expires, refusal
	}
	for name := range members {
		if name != "expirationDateTime" && !strings.HasPrefix(name, "@") {
			return expires, invalid("The property '" + name + "' cannot be updated.")
		}
	}
	if members.text("expirationDateTime") == "" {
		return expires, invalid("expirationDateTime is a required property for subscription update.")
	}
	return parseExpiry(members.text("expirationDateTime"))
}

func invalid(message string) *grapherror.Error {
	return grapherror.New(http.StatusBadRequest, "InvalidRequest", message)
}

// members are the members of a body that are not null.
type members map[string]json.RawMessage

// memberKinds are the first bytes that the values of a subscription's members have.
func memberKinds() map[string]string {
	return map[string]string{
		"changeType": `"`, "notificationUrl": `"`, "lifecycleNotificationUrl": `"`, "resource": `"`, "expirationDateTime": `"`,
		"clientState": `"`, "latestSupportedTlsVersion": `"`, "includeResourceData": "tf", "encryptionCertificate": `"`,
		"encryptionCertificateId": `"`, "notificationQueryOptions": `"`, "notificationUrlAppId": `"`,
		"id": `"`, "applicationId": `"`, "creatorId": `"`, "@odata.type": `"`, "@odata.context": `"`,
	}
}

// decodeMembers reads an object of members that a subscription can have, each once and of
// its kind.
func decodeMembers(body []byte) (members, *grapherror.Error) {
	unreadable := grapherror.New(http.StatusBadRequest, "BadRequest", "Unable to read JSON request payload. Please ensure Content-Type header is set and payload is of valid JSON format.")
	if !utf8.Valid(body) || !json.Valid(body) {
		return nil, unreadable
	}
	decoder := json.NewDecoder(bytes.NewReader(body))
	if first, err := decoder.Token(); err != nil || first != json.Delim('{') {
		return nil, unreadable
	}
	found, seen := members{}, map[string]bool{}
	for decoder.More() {
		token, err := decoder.Token()
		name, ok := token.(string)
		var value json.RawMessage
		if err != nil || !ok || decoder.Decode(&value) != nil {
			return nil, unreadable
		}
		kinds, known := memberKinds()[name]
		switch {
		case !known:
			return nil, grapherror.New(http.StatusBadRequest, "BadRequest",
				"The property '"+name+"' does not exist on type 'microsoft.graph.subscription'. Make sure to only use property names that are defined by the type.")
		case seen[name]:
			return nil, grapherror.New(http.StatusBadRequest, "BadRequest", "The property '"+name+"' is there more than once.")
		case string(value) != "null" && !strings.Contains(kinds, string(value[:1])):
			return nil, grapherror.New(http.StatusBadRequest, "BadRequest", "Cannot convert the value of the property '"+name+"' to its type.")
		case string(value) != "null":
			found[name] = value
		}
		seen[name] = true
	}
	if _, err := decoder.Token(); err != nil { // the closing brace
		return nil, unreadable
	}
	if _, err := decoder.Token(); err != io.EOF {
		return nil, unreadable
	}
	return found, nil
}

// text is a member's text, or empty.
func (m members) text(name string) (text string) {
	if json.Unmarshal(m[name], &text) != nil {
		return ""
	}
	return text
}

// checkRest refuses what is not offered for users: their data in the notification, and
// what only Graph decides.
func (m members) checkRest() *grapherror.Error {
	for _, name := range []string{"id", "applicationId", "creatorId"} {
		if m[name] != nil {
			return invalid("The property '" + name + "' is read-only.")
		}
	}
	if string(m["includeResourceData"]) == "true" || m["encryptionCertificate"] != nil || m["encryptionCertificateId"] != nil {
		return invalid("includeResourceData is not supported for the resource.")
	}
	if m["notificationQueryOptions"] != nil {
		return invalid("notificationQueryOptions is not supported for the resource.")
	}
	return nil
}

func (r *Request) checkChangeType() *grapherror.Error {
	seen := map[string]bool{}
	for name := range strings.SplitSeq(r.ChangeType, ",") {
		if name = strings.TrimSpace(name); name != updated && name != deleted || seen[name] {
			return invalid("The changeType '" + r.ChangeType + "' is not supported for the resource: it is updated, deleted, or both, separated by a comma.")
		}
		seen[name] = true
	}
	return nil
}

// checkResource reads users or users/{id}, with or without a slash before it.
func (r *Request) checkResource() *grapherror.Error {
	collection, id, single := strings.Cut(strings.TrimPrefix(r.Resource, "/"), "/")
	_, isID := guid.Parse(id)
	if !strings.EqualFold(collection, "users") || single && !isID {
		return invalid("The resource '" + r.Resource + "' is not supported.")
	}
	r.User = strings.ToLower(id)
	return nil
}

func (r *Request) checkTLSVersion() *grapherror.Error {
	switch r.TLSVersion {
	case "":
		r.TLSVersion = "v1_2"
	case "v1_0", "v1_1", "v1_2", "v1_3":
	default:
		return invalid("latestSupportedTlsVersion is v1_0, v1_1, v1_2 or v1_3.")
	}
	return nil
}

func checkURL(name, address string, plain bool) *grapherror.Error {
	u, err := url.Parse(address)
	if err == nil && u.User == nil && u.Hostname() != "" && (u.Scheme == "https" || plain && u.Scheme == "http" && onLoopback(u.Hostname())) {
		return nil
	}
	return invalid(name + " is not a valid HTTPS address.")
}

// onLoopback says whether a host is written as this machine.
func onLoopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

func parseExpiry(text string) (time.Time, *grapherror.Error) {
	expires, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return expires, grapherror.New(http.StatusBadRequest, "BadRequest", "Cannot convert the literal '"+text+"' to the expected type 'Edm.DateTimeOffset'.")
	}
	return expires.UTC(), nil
}
