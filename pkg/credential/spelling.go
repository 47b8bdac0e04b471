package credential

import "strings"

// The fields of the secret, as messages name them.
const (
	tenantID            = "TenantID"
	clientID            = "ClientID"
	clientSecret        = "ClientSecret"
	certificate         = "Certificate"
	certificatePassword = "CertificatePassword"
	kmsKeyID            = "KMSKeyID"
	federation          = "Federation"
	keyID               = "KeyID"
	expiresAt           = "ExpiresAt"
)

// canonical returns the field that a name in the secret means, "" for none. Case and
// the characters _-.() and space do not count, nor does a leading AZURE, ENTRA, AAD or ARM:
// so ClientID, client_id, AZURE_CLIENT_ID and ARM_CLIENT_ID are one. The
// other words are those of the portal, of `az ad sp create-for-rbac` and of Graph.
func canonical(name string) string {
	name = strings.ToLower(name)
	name = strings.NewReplacer("_", "", "-", "", ".", "", " ", "", "(", "", ")", "").Replace(name)
	for _, prefix := range []string{"azure", "entra", "aad", "arm"} {
		if rest, ok := strings.CutPrefix(name, prefix); ok {
			name = rest
			break
		}
	}
	switch name {
	case "tenantid", "tenant", "directoryid", "directorytenantid":
		return tenantID
	case "clientid", "appid", "applicationid", "applicationclientid":
		return clientID
	case "clientsecret", "appsecret", "applicationsecret", "password", "secrettext", "clientsecretvalue":
		return clientSecret
	case "certificate", "clientcertificate":
		return certificate
	case "certificatepassword", "clientcertificatepassword":
		return certificatePassword
	case "kmskeyid":
		return kmsKeyID
	case "federation":
		return federation
	case "keyid", "clientsecretid", "secretid":
		return keyID
	case "expiresat", "enddatetime", "expirydate", "expires":
		return expiresAt
	}
	return ""
}
