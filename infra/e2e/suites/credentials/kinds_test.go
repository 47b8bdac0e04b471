package credentials_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"sync"
	"time"

	"software.sslmate.com/src/go-pkcs12"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/identity"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/tenant"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

const (
	clientSecret = "e2e8Q~this-client-secret-is-a-canary"
	sealKey      = "this-key-of-links-is-a-canary-of-more-than-32-bytes"
	password     = "e2e8Q-this-password-of-a-key-is-a-canary"
	exchange     = "api://AzureADTokenExchange"
	pod          = "system:serviceaccount:people:rollcall"
)

// kinds are the kinds of credentials.
func kinds() map[string]kind {
	trusted := func(*deployment) {}
	registered := func(d *deployment) { d.tenant.AddCertificate(certificate().cert) }
	return map[string]kind{
		"a client secret in Secrets Manager":    {func(d *deployment) { d.stored(map[string]string{"ClientSecret": clientSecret}) }, trusted, ""},
		"a client secret in variables":          {func(d *deployment) { d.variables("AZURE_CLIENT_SECRET=" + clientSecret) }, trusted, ""},
		"a client secret in Key Vault":          {inKeyVault, trusted, ""},
		"a managed identity":                    {byManagedIdentity, trusted, ""},
		"a certificate, PEM in Secrets Manager": {func(d *deployment) { d.stored(map[string]string{"Certificate": d.pem()}) }, registered, "Credentials.Rejected"},
		"a certificate, PFX in Secrets Manager": {func(d *deployment) {
			d.stored(map[string]string{"Certificate": base64.StdEncoding.EncodeToString(d.pfx()), "CertificatePassword": password})
		}, registered, "Credentials.Rejected"},
		"a certificate in a file":                 {byCertificateFile, registered, "Credentials.Rejected"},
		"a certificate whose key AWS KMS keeps":   {byKMS, func(d *deployment) { d.tenant.AddCertificate(d.made) }, "Credentials.Rejected"},
		"a certificate whose key Key Vault keeps": {byKeyVault, func(d *deployment) { d.tenant.AddCertificate(d.made) }, "Credentials.Rejected"},
		"federation with AWS, in Secrets Manager": {func(d *deployment) { d.vouched(); d.stored(map[string]string{"Federation": "aws"}) }, trustsTheRole, "Credentials.Rejected"},
		"federation with AWS, in variables":       {func(d *deployment) { d.vouched(); d.variables("ROLLCALL_FEDERATION=aws") }, trustsTheRole, "Credentials.Rejected"},
		"federation by a token file":              {byTokenFile, trustsThePod, "Credentials.Rejected"},
	}
}

// pair is a key and its certificate.
type pair struct {
	key  *rsa.PrivateKey
	cert *x509.Certificate
}

// certificate is made once: that takes a while.
var certificate = sync.OnceValue(func() pair {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(7), Subject: pkix.Name{CommonName: "rollcall"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(240 * time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		panic(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		panic(err)
	}
	return pair{key, cert}
})

// pem is the certificate and its key in PEM.
func (d *deployment) pem() string {
	d.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(certificate().key)
	if err != nil {
		d.Fatal(err)
	}
	key := string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	d.hidden(key)
	return key + string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate().cert.Raw}))
}

// pfx is the certificate and its key in PKCS#12, as OpenSSL 3 encrypts it.
func (d *deployment) pfx() []byte {
	d.Helper()
	data, err := pkcs12.Modern2023.Encode(certificate().key, certificate().cert, nil, password)
	if err != nil {
		d.Fatal(err)
	}
	d.hidden(base64.StdEncoding.EncodeToString(data))
	d.canaries = append(d.canaries, password)
	return data
}

func byCertificateFile(d *deployment) {
	path := filepath.Join(d.TempDir(), "app.pfx")
	if err := os.WriteFile(path, d.pfx(), 0o600); err != nil {
		d.Fatal(err)
	}
	d.variables("AZURE_CLIENT_CERTIFICATE_PATH="+path, "AZURE_CLIENT_CERTIFICATE_PASSWORD="+password)
}

// byKMS makes a key in KMS and, by the command that users have, the certificate around it.
// moto's KMS signs no digests, so it is the tenant's AWS account that has the key.
func byKMS(d *deployment) {
	d.env = append(d.env, d.tenant.KMS()...)
	arn, text, made, err := d.tenant.CertifyKMS(d.Context(), d.command, d.env)
	if err != nil {
		d.Fatal(err)
	}
	d.made = made
	d.stored(map[string]string{"KMSKeyID": arn, "Certificate": text})
}

// byKeyVault does the same with a key in Key Vault, to which the managed identity of the
// function signs in. The key is rotated before the function signs with it.
func byKeyVault(d *deployment) {
	who := harness.Start(d, identity.Of(d.tenant.Tenant))
	d.canaries = append(d.canaries, simulator.IdentityHeader)
	d.env = append(d.env, who.Platform()...)
	key := d.tenant.URL + "/keys/rollcall"
	if _, err := d.tenant.AddVaultKey("rollcall", "RSA-HSM"); err != nil {
		d.Fatal(err)
	}
	text, made, err := tenant.Certify(d.Context(), d.command, d.env, "--keyvault", key)
	if err != nil {
		d.Fatal(err)
	}
	if _, err := d.tenant.AddVaultKey("rollcall", "RSA-HSM"); err != nil {
		d.Fatal(err)
	}
	d.made = made
	d.stored(map[string]string{"KeyVaultKeyID": key, "Certificate": text})
}

// vouched leads the function to the Security Token Service of the tenant's AWS account;
// moto's has no tokens for other services.
func (d *deployment) vouched() {
	d.env = append(d.env, "AWS_ENDPOINT_URL_STS="+d.tenant.URL, "AWS_CA_BUNDLE="+d.tenant.Authorities)
}

func trustsTheRole(d *deployment) { d.tenant.AddFederatedCredential(d.tenant.WebIdentity(exchange)) }

func byTokenFile(d *deployment) {
	token, err := d.tenant.IssueWebIdentity(pod, exchange, "RS256", time.Hour)
	if err != nil {
		d.Fatal(err)
	}
	path := filepath.Join(d.TempDir(), "token")
	if err := os.WriteFile(path, []byte(token), 0o600); err != nil {
		d.Fatal(err)
	}
	d.variables("AZURE_FEDERATED_TOKEN_FILE=" + path)
}

func trustsThePod(d *deployment) {
	d.tenant.AddFederatedCredential(simulator.FederatedCredential{Issuer: d.tenant.WebIdentity(exchange).Issuer, Subject: pod, Audience: exchange})
}

func byManagedIdentity(d *deployment) {
	who := harness.Start(d, identity.Of(d.tenant.Tenant))
	d.canaries = append(d.canaries, simulator.IdentityHeader)
	d.env = append(append(d.env, who.Platform()...), "ROLLCALL_CREDENTIALS=managed-identity:")
}

func inKeyVault(d *deployment) {
	byManagedIdentity(d)
	d.tenant.SetVaultSecret("entra", d.identity(map[string]string{"ClientSecret": clientSecret}), time.Time{})
	d.env = append(d.env, "ROLLCALL_CREDENTIALS=keyvault:"+d.tenant.URL+"/secrets/entra")
}
