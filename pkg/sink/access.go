package sink

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/aws/aws-sdk-go-v2/aws"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"

	"github.com/rollcall-dev/rollcall/pkg/signature"
	"github.com/rollcall-dev/rollcall/pkg/store/azblob"
)

// Access is what opening sinks takes: how to sign in to them. It may be used by
// several goroutines.
type Access struct {
	// LookupEnv returns the value of an AZURE_ variable.
	LookupEnv func(name string) (string, bool)
	// Azure returns what signs in to Azure: to buses always, to stores where no
	// AZURE_STORAGE_ variable does.
	Azure func() (azcore.TokenCredential, error)
	// Keys returns what messages to webhooks are signed with.
	Keys func(ctx context.Context) ([]signature.Key, error)

	mu  sync.Mutex
	sdk *aws.Config
}

// aws loads the AWS SDK's standard configuration, once it is needed.
func (a *Access) aws(ctx context.Context) (aws.Config, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.sdk == nil {
		cfg, err := awsconfig.LoadDefaultConfig(ctx)
		if err != nil {
			// Its text is dropped: it may quote a profile's lines.
			return aws.Config{}, errors.New("the AWS configuration could not be loaded; check AWS_PROFILE and the files in ~/.aws")
		}
		a.sdk = &cfg
	}
	return *a.sdk, nil
}

// signIn signs in to Azure Storage by what AZURE_STORAGE_CONNECTION_STRING or
// AZURE_STORAGE_KEY holds, or else by the credential of Azure.
func (a *Access) signIn(c *azblob.Config) error {
	if text, ok := a.LookupEnv("AZURE_STORAGE_CONNECTION_STRING"); ok {
		c.ConnectionString = text
		return nil
	}
	if key, ok := a.LookupEnv("AZURE_STORAGE_KEY"); ok {
		c.Key = key
		return nil
	}
	credential, err := a.identity("Azure Storage")
	if err != nil {
		return fmt.Errorf("%w, or set AZURE_STORAGE_CONNECTION_STRING", err)
	}
	c.Credential = credential
	return nil
}

// identity signs in to a service of Azure that is used without keys.
func (a *Access) identity(service string) (azcore.TokenCredential, error) {
	credential, err := a.Azure()
	if err != nil {
		// Its text may quote the environment.
		return nil, errors.New("no way to sign in to " + service + " was found; give the function a managed identity")
	}
	return credential, nil
}
