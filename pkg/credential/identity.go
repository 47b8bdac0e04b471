package credential

import (
	"crypto/x509"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/certificate"
	"github.com/rollcall-dev/rollcall/pkg/guid"
	"github.com/rollcall-dev/rollcall/pkg/secret"
)

// Identity is the app that a source keeps: who it is, and how it proves it.
// However it is printed or logged, it shows neither the secret nor an id that
// does not look like one (people mix up the fields).
type Identity struct {
	// Method is how it proves it.
	Method Method
	// TenantID is the tenant as it was written: a GUID or a verified domain. That of a
	// managed identity is known once there was a token, unless AZURE_TENANT_ID names it.
	// [Credential.Tenant] gives the GUID.
	TenantID string
	// ClientID is the application (client) id. That of a system-assigned identity is
	// known once there was a token.
	ClientID string
	// SystemAssigned is whether a managed identity is the host's own; others are
	// assigned to it by their ClientID.
	SystemAssigned bool
	// ObjectID is the object id of a managed identity's service principal, "" until
	// there was a token.
	ObjectID string
	// Roles are a managed identity's application permissions for Graph as its last token
	// has them: none where it is empty, not known where it is nil.
	Roles []string
	// ClientSecret is the secret's value.
	ClientSecret secret.Text
	// Certificate is the certificate of the registration by which assertions are verified,
	// nil for other methods.
	Certificate *x509.Certificate
	// PrivateKey is its private key in PKCS#8 (DER), zero where a service keeps that.
	PrivateKey secret.Text
	// SigningKey is the id of the key that a service keeps and signs with, "" for none.
	SigningKey string
	// TokenFile is the path of the file with another platform's token, "" for none.
	TokenFile string
	// KeyID is the id of the client secret in Entra, "" when the source keeps none.
	KeyID string
	// ExpiresAt is when the certificate ends, or the client secret: what the source says, or
	// else the vault that keeps it. Zero when neither does.
	ExpiresAt time.Time
	// MayExpireAt is the soonest end of several client secrets, one of which is this one, where
	// it is not known which. ExpiresAt is zero then.
	MayExpireAt time.Time
	// Warnings say what is odd about what the source keeps and does not stop the
	// work. They quote none of its values.
	Warnings []string
}

// LogValue logs who the app is, never how it proves it.
func (id Identity) LogValue() slog.Value {
	attrs := []slog.Attr{slog.String("method", string(id.Method))}
	for _, known := range [][2]string{{"tenant", showTenant(id.TenantID)}, {"client", id.client()}, {"object", id.ObjectID}} {
		if known[1] != "" {
			attrs = append(attrs, slog.String(known[0], known[1]))
		}
	}
	if id.Certificate != nil {
		attrs = append(attrs, slog.String("certificate", id.Thumbprint()))
	}
	if id.SigningKey != "" {
		attrs = append(attrs, slog.String("signingKey", id.SigningKey))
	}
	if id.KeyID != "" {
		attrs = append(attrs, slog.String("key", showGUID(id.KeyID)))
	}
	if !id.ExpiresAt.IsZero() {
		attrs = append(attrs, slog.Time("expires", id.ExpiresAt))
	}
	return slog.GroupValue(attrs...)
}

// String returns who the app is on one line.
func (id Identity) String() string {
	var text string
	switch {
	case id.Method != ManagedIdentity:
		return "client " + showGUID(id.ClientID) + " in tenant " + showTenant(id.TenantID) + id.by()
	case id.SystemAssigned:
		text = "system-assigned managed identity"
	default:
		text = "user-assigned managed identity"
	}
	for _, known := range [][2]string{{"client ", id.client()}, {"object ", id.ObjectID}, {"tenant ", showTenant(id.TenantID)}} {
		if known[1] != "" {
			text += ", " + known[0] + known[1]
		}
	}
	return text
}

// by says how the app proves who it is, unless that is by a client secret.
func (id Identity) by() string {
	switch id.Method {
	case Certificate:
		return ", by the certificate " + id.Thumbprint()
	case KMS:
		return ", by the certificate " + id.Thumbprint() + " of the KMS key " + id.SigningKey
	case KeyVault:
		return ", by the certificate " + id.Thumbprint() + " of the Key Vault key " + id.SigningKey
	case AWS:
		return ", by federation with AWS"
	case TokenFile:
		return ", by federation with the token that AZURE_FEDERATED_TOKEN_FILE names"
	}
	return ""
}

// Thumbprint is how the portal names the certificate, "" without one.
func (id Identity) Thumbprint() string {
	if id.Certificate == nil {
		return ""
	}
	return (&certificate.Certificate{X509: id.Certificate}).Thumbprint()
}

// client returns what may be shown of the client id.
func (id Identity) client() string {
	if id.ClientID == "" && id.SystemAssigned {
		return ""
	}
	return showGUID(id.ClientID)
}

// Format writes String, whatever the verb.
func (id Identity) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, id.String()) }

// MarshalText returns String, so that no encoder walks the fields.
func (id Identity) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// equal reports whether two identities would buy the same token the same way.
func (id Identity) equal(other Identity) bool {
	return id.Method == other.Method && id.TenantID == other.TenantID && id.ClientID == other.ClientID && id.ClientSecret.Equal(other.ClientSecret) &&
		id.Certificate.Equal(other.Certificate) && id.PrivateKey.Equal(other.PrivateKey) && id.SigningKey == other.SigningKey && id.TokenFile == other.TokenFile
}

// showGUID returns a GUID as it is and anything else only by what it is not.
func showGUID(text string) string {
	if guid.Valid(text) {
		return text
	}
	return "[not a GUID]"
}

// showTenant returns a GUID or a domain as it is and nothing else.
func showTenant(text string) string {
	if isTenant(text) {
		return text
	}
	return ""
}

// isTenant reports whether text names a tenant: a GUID, or a domain of labels of
// letters, digits and hyphens, the last of which is not a number. Nothing else may
// stand in the path of the token endpoint.
func isTenant(text string) bool {
	if guid.Valid(text) {
		return true
	}
	labels := strings.Split(text, ".")
	if len(labels) < 2 || len(text) > 253 || strings.Trim(labels[len(labels)-1], "0123456789") == "" {
		return false
	}
	for _, label := range labels {
		if label == "" || len(label) > 63 || strings.HasPrefix(label, "-") || strings.HasSuffix(label, "-") {
			return false
		}
		for _, r := range label {
			if (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' {
				return false
			}
		}
	}
	return true
}
