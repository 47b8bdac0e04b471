package azurite

import (
	"context"
	"fmt"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/container"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness/identity"
)

// Blobs is one running Azurite with its blob service, which takes tokens.
type Blobs struct{ secured }

// StartBlobs runs Azurite's blob service on a free port of loopback and returns once it
// listens. The caller closes it.
func StartBlobs(ctx context.Context) (*Blobs, error) {
	s, err := startSecured(ctx, "blob")
	if err != nil {
		s.Close()
		return nil, err
	}
	return &Blobs{s}, nil
}

// In is the same service with another account, one of those of [Numbered].
func (b *Blobs) In(account string) *Blobs { return &Blobs{b.in(account)} }

// CreateContainer makes a container of the account.
func (b *Blobs) CreateContainer(ctx context.Context, name string) error {
	client, err := container.NewClient(b.URL+"/"+name, identity.Credential{}, &container.ClientOptions{ClientOptions: policy.ClientOptions{Transport: b.client}})
	if err != nil {
		return err
	}
	if _, err := client.Create(ctx, nil); err != nil {
		return fmt.Errorf("create the container %s: %w", name, err)
	}
	return nil
}
