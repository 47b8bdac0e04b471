package credential

import (
	"bytes"
	"regexp"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// The fields of the secret, as messages name them.
const (
	tenantID     = "TenantID"
	clientID     = "ClientID"
	clientSecret = "ClientSecret"
	authority    = "Authority"
	keyID        = "KeyID"
	expiresAt    = "ExpiresAt"

	certificateText     = "Certificate"
	certificatePassword = "CertificatePassword"
	privateKey          = "PrivateKey"
	kmsKeyID            = "KMSKeyID"
	keyVaultKeyID       = "KeyVaultKeyID"
	federation          = "Federation"

	// certificatePath is where a certificate is, or which one it is, and tokenFile where
	// another platform's token is: of use on the machine that has them.
	certificatePath = "CertificatePath"
	tokenFile       = "FederatedTokenFile"
)

// spellings are the names of each field without case and separators: those of the
// portal, `az ad sp create-for-rbac`, Graph, MSAL, appsettings.json, Terraform, Azure
// DevOps and the Bot Framework.
func spellings() map[string]string {
	return map[string]string{
		tenantID: "tenantid tenant tenantguid tid directoryid directorytenantid",
		clientID: "clientid appid applicationid applicationclientid appclientid clientappid serviceprincipalid entraidid azureadid",
		clientSecret: "clientsecret secret secretvalue secrettext clientsecretvalue clientsecrettext value password passwordvalue clientpassword " +
			"appkey applicationkey clientkey serviceprincipalkey",
		authority: "authority authorityhost authorityurl authorityuri authorityhosturl instance cloudinstance " +
			"activedirectoryendpointurl activedirectoryendpoint activedirectoryauthority loginurl loginuri loginhost loginendpoint " +
			"tokenurl tokenuri tokenendpoint tokenendpointurl accesstokenurl accesstokenuri authurl authuri authorizeurl " +
			"authorizationurl authorizationuri authorizationendpoint issuer issueruri issuerurl metadataaddress metadataurl " +
			"discoveryurl wellknownurl wellknown openidconfiguration openidconfigurationurl",
		certificateText: "certificate certificates certificatedata certificatepem certificatepfx certificatebase64 clientcertificate clientcertificates " +
			"cert clientcert certpem pfx pem pkcs12 p12 publiccertificate",
		certificatePassword: "certificatepassword certificatepassphrase certpassword pfxpassword pempassword privatekeypassword privatekeypassphrase passphrase",
		privateKey:          "privatekey certificateprivatekey certificatekey privatekeypem",
		certificatePath:     "certificatepath certificatefile certificatethumbprint certpath certfile thumbprint filewithcertandprivatekey certificateurl certificatename",
		kmsKeyID:            "kmskeyid kmskey kmskeyarn kmsarn awskmskeyid",
		keyVaultKeyID:       "keyvaultkeyid keyvaultkey keyvaultkeyurl keyvaultkeyuri keyvaultkeyidentifier vaultkeyid vaultkeyurl",
		federation:          "federation",
		tokenFile:           "federatedtokenfile oidctoken oidctokenfilepath clientassertion webidentitytokenfile",
		keyID:               "keyid secretid clientsecretid clientsecretkeyid passwordid",
		// Not Entra's: Auth.js signs its cookies with it.
		"": "authsecret",
		expiresAt: "expires expiresat expireson expiry expirydate expiration expirationdate enddate enddatetime secretexpiry secretexpires " +
			"secretexpiresat secretexpiration clientsecretexpiry clientsecretexpires clientsecretexpiresat clientsecretexpiration",
	}
}

// prefixes are words that people put before the names, one or several.
const prefixes = "azureactivedirectory azuread azure activedirectory aad adal ad entraid entra microsoft365 microsoft msgraph msft msal ms365 ms graphapi graph arm " +
	"oauth2 oauth oidc openid auth sso idp office365 o365 m365 serviceprincipal spn sp application app tfvar terraform " +
	"spring cloud profile credentials credential registration client rollcall"

// maxName is the length of the longest name that is looked at, in bytes.
const maxName = 80

// vocabulary finds the field that a name means.
type vocabulary struct {
	fields   map[string]string // by spelling
	prefixes []string
	// plain is a few words of letters, with a digit or two at the end; hump is where
	// a word begins within them.
	plain, hump *regexp.Regexp
}

func newVocabulary() *vocabulary {
	v := &vocabulary{
		fields:   map[string]string{},
		prefixes: strings.Fields(prefixes),
		plain:    regexp.MustCompile(`^[A-Za-z]{1,24}(?:[ _.:@$-]{1,2}[A-Za-z]{1,24}){0,5}[_-]?[0-9]{0,2}$`),
		hump:     regexp.MustCompile(`[a-z][A-Z]`),
	}
	for field, names := range spellings() {
		for _, name := range strings.Fields(names) {
			v.fields[name] = field
		}
	}
	return v
}

// field returns the field that a name in the secret means, "" for none. Case,
// separators and invisible characters do not count, nor do prefixes: so ClientID,
// client_id, AZURE_AD_CLIENT_ID, ARM_CLIENT_ID and AzureAd:ClientId are one.
func (v *vocabulary) field(name string) string {
	if len(name) > maxName {
		return ""
	}
	return v.find(strings.Map(func(r rune) rune {
		switch {
		case 'A' <= r && r <= 'Z':
			return r + 'a' - 'A'
		case strings.ContainsRune("_-.:()/ ", r), invisible(r):
			return -1
		}
		return r
	}, name))
}

func (v *vocabulary) find(name string) string {
	if field, known := v.fields[name]; known {
		return field
	}
	for _, prefix := range v.prefixes {
		if rest, ok := strings.CutPrefix(name, prefix); ok {
			if field := v.find(rest); field != "" {
				return field
			}
		}
	}
	return ""
}

// maxNames is how many names an error lists.
const maxNames = 12

// list returns the names in a secret's content for an error, "" for none. A name
// that is not plain words is only counted: it may be a value that stands where
// a name should. In what is not JSON only names of fields are looked for.
func (v *vocabulary) list(content []byte) string {
	names := namesInJSON(content)
	if len(names) == 0 {
		for _, name := range namesInText(content) {
			if v.field(name) != "" {
				names = append(names, name)
			}
		}
	}
	var shown []string
	seen, hidden := map[string]bool{}, 0
	for _, name := range names {
		switch name = visible(name); {
		case seen[name]:
		case len(shown) < maxNames && (v.field(name) != "" || v.isPlain(name)):
			shown = append(shown, name)
		default:
			hidden++
		}
		seen[name] = true
	}
	if hidden > 0 {
		shown = append(shown, strconv.Itoa(hidden)+" more that cannot be shown")
	}
	return strings.Join(shown, ", ")
}

// has returns the names in the content as the end of a sentence.
func (v *vocabulary) has(content []byte) string {
	if names := v.list(content); names != "" {
		return "; the names in it are " + names
	}
	return ""
}

// namesInJSON returns the names of all members of all objects, as far as the content
// is JSON. A text that is JSON itself is looked into.
func namesInJSON(content []byte) []string {
	var names []string
	dec := jsontext.NewDecoder(bytes.NewReader(content), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	for {
		depth := dec.StackDepth()
		kind, length := dec.StackIndex(depth)
		token, err := dec.ReadToken()
		switch {
		case err != nil:
			return names
		case token.Kind() != '"':
		case kind == '{' && length%2 == 0:
			names = append(names, token.String())
		case depth == 0:
			names = append(names, namesInJSON([]byte(token.String()))...)
		}
	}
}

// namesInText returns what stands before an = or : in lines of settings or in a query.
func namesInText(content []byte) []string {
	setting := regexp.MustCompile(`^[\s"'\-?]*(?:export |set |\$env:)?\s*["']?([A-Za-z][\w .:()-]*?)["']?\s*[=:]`)
	var names []string
	for line := range bytes.FieldsFuncSeq(content, func(r rune) bool { return strings.ContainsRune("\r\n&;,{}", r) }) {
		if found := setting.FindSubmatch(line); found != nil {
			names = append(names, string(found[1]))
		}
	}
	return names
}

// isPlain tells a name that people give from a value.
func (v *vocabulary) isPlain(name string) bool {
	return len(name) <= 40 && v.plain.MatchString(name) && len(v.hump.FindAllString(name, -1)) <= 5
}

// visible returns a name without the characters in it that cannot be seen.
func visible(name string) string {
	return strings.Map(func(r rune) rune {
		if invisible(r) {
			return -1
		}
		return r
	}, name)
}
