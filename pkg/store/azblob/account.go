package azblob

import (
	"errors"
	"fmt"
	"net/url"
	"path"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/blob"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/blockblob"

	"github.com/rollcall-dev/rollcall/pkg/diagnosis/azureapi"
	"github.com/rollcall-dev/rollcall/pkg/origin"
	"github.com/rollcall-dev/rollcall/pkg/store"
)

// attempts after the first one of a request: a whole run depends on it.
const attempts = 5

// Config is a part of a container, and how to sign in to it: exactly one of
// Credential, Key and ConnectionString.
type Config struct {
	// Account is the storage account's name; a connection string has its own.
	Account string
	// Container is the container's name. It is not made here.
	Container string
	// Prefix stands before every key; it may be empty.
	Prefix string
	// Endpoint is the account's blob service, such as
	// https://account.blob.core.usgovcloudapi.net. Empty means the public cloud. Plain
	// HTTP is for an emulator on this machine.
	Endpoint string `option:"endpoint"`
	// Credential signs in with Entra ID. The role "Storage Blob Data Contributor" on
	// the container is what it needs. It keeps its tokens, as azidentity's do: each
	// blob asks for one.
	Credential azcore.TokenCredential
	// Key is the account's key (AZURE_STORAGE_KEY).
	Key string
	// ConnectionString is what the portal shows, with a key or a shared access
	// signature (AZURE_STORAGE_CONNECTION_STRING). It names the account and may name
	// the endpoint.
	ConnectionString string
	// Options are azcore's: the transport, retries, telemetry.
	Options policy.ClientOptions
}

// Parse reads the address of a part of a container: //account/container/prefix.
func Parse(address string) (Config, error) {
	rest, found := strings.CutPrefix(address, "//")
	account, rest, _ := strings.Cut(rest, "/")
	container, prefix, _ := strings.Cut(rest, "/")
	if !found || !isName(account) || !isName(strings.TrimPrefix(container, "$")) {
		return Config{}, errors.New("is not of the form azblob://account/container/prefix")
	}
	return Config{Account: account, Container: container, Prefix: strings.Trim(prefix, "/")}, store.CheckPrefix(prefix)
}

// isName reports whether a text can be the name of an account or a container. Anything
// else may hold a credential.
func isName(text string) bool {
	return text != "" && len(text) <= 63 && strings.Trim(text, "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
}

// String returns azblob://account/container/prefix, without any credential.
func (c Config) String() string { return "azblob://" + path.Join(c.Account, c.Container, c.Prefix) }

// opener makes the SDK's client of the blob at a URL. (The SDK's client of a
// whole container would add 1.9 MB to a program.)
type opener func(address string) (*blockblob.Client, error)

// open returns the container's URL, what is appended to a blob's URL (a shared
// access signature), and how its blobs are opened. Errors never repeat a credential.
func (c Config) open() (address, query string, open opener, err error) {
	if c.Container == "" || strings.ContainsAny(c.Container, "/?#") {
		return "", "", nil, fmt.Errorf("%q is not a container's name", c.Container)
	}
	ways := 0
	for _, given := range []bool{c.Credential != nil, c.Key != "", c.ConnectionString != ""} {
		if given {
			ways++
		}
	}
	if ways != 1 {
		return "", "", nil, errors.New("the container " + c.Container + " needs exactly one of a credential, an account's key and a connection string")
	}
	if c.ConnectionString != "" {
		return c.byConnectionString()
	}
	if address, err = c.address(); err != nil {
		return "", "", nil, err
	}
	if c.Credential != nil {
		options := c.options()
		return address, "", func(at string) (*blockblob.Client, error) { return blockblob.NewClient(at, c.Credential, options) }, nil
	}
	open, err = c.byKey(c.Account, c.Key)
	return address, "", open, err
}

// options are the SDK's, shared by all blobs so that they share connections.
func (c Config) options() *blockblob.ClientOptions {
	options := &blockblob.ClientOptions{ClientOptions: c.Options}
	if options.Retry.MaxRetries == 0 {
		options.Retry.MaxRetries = attempts
	}
	if options.Retry.ShouldRetry == nil && options.Retry.StatusCodes == nil {
		options.Retry.ShouldRetry = retryable
	}
	options.Transport = azureapi.Client(options.Transport)
	return options
}

func (c Config) byKey(account, key string) (opener, error) {
	credential, err := blob.NewSharedKeyCredential(account, key)
	if err != nil {
		return nil, errors.New("the storage account's key is not base64")
	}
	options := c.options()
	return func(at string) (*blockblob.Client, error) {
		return blockblob.NewClientWithSharedKeyCredential(at, credential, options)
	}, nil
}

// byConnectionString lets the SDK find the URL, as its rules are many.
func (c Config) byConnectionString() (address, query string, open opener, err error) {
	client, err := blockblob.NewClientFromConnectionString(c.ConnectionString, c.Container, "x", nil)
	if err != nil {
		return "", "", nil, errors.New("the connection string is not one: copy it from the storage account's access keys")
	}
	at, err := url.Parse(client.URL())
	if err != nil || at.Fragment != "" || !strings.HasSuffix(at.Path, "/"+c.Container+"/x") { // without a host the container would be taken for one
		// Not quoted: the address ends in manifests, and must not hold a secret.
		return "", "", nil, errors.New("the connection string names no address of the form https://host")
	}
	if err := origin.CheckEndpoint(client.URL()); err != nil {
		return "", "", nil, fmt.Errorf("the address in the connection string %w", err)
	}
	fields := map[string]string{}
	for field := range strings.SplitSeq(c.ConnectionString, ";") {
		if name, value, ok := strings.Cut(field, "="); ok {
			fields[name] = value
		}
	}
	account := fields["AccountName"]
	if account == "" {
		account, _, _ = strings.Cut(at.Host, ".")
	}
	if c.Account != "" && c.Account != account {
		return "", "", nil, fmt.Errorf("the connection string is for another storage account than %s", c.Account)
	}
	if query = at.RawQuery; query != "" {
		query = "?" + query
	}
	at.RawQuery = ""
	address = strings.TrimSuffix(at.String(), "/x")
	if fields["AccountName"] != "" && fields["AccountKey"] != "" {
		open, err = c.byKey(account, fields["AccountKey"])
		return address, query, open, err
	}
	options := c.options()
	return address, query, func(at string) (*blockblob.Client, error) { return blockblob.NewClientWithNoCredential(at, options) }, nil
}

// address returns the container's URL.
func (c Config) address() (string, error) {
	if c.Account == "" || strings.ContainsAny(c.Account, "./?#@:") {
		return "", fmt.Errorf("%q is not a storage account's name", c.Account)
	}
	if c.Endpoint == "" {
		return "https://" + c.Account + ".blob.core.windows.net/" + c.Container, nil
	}
	if err := origin.CheckEndpoint(c.Endpoint); err != nil {
		return "", fmt.Errorf("the endpoint of the storage account %s %w", c.Account, err)
	}
	at, err := url.Parse(c.Endpoint)
	if err != nil || strings.ContainsAny(c.Endpoint, "?#") {
		return "", errors.New("the endpoint of the storage account " + c.Account + " is not a URL of the form https://host")
	}
	return at.JoinPath(c.Container).String(), nil
}

// escape writes a prefix as it stands in a URL's path.
func escape(prefix string) string { return (&url.URL{Path: prefix}).EscapedPath() }
