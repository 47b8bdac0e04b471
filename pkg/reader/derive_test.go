package reader

import (
	"errors"
	"strings"
	"testing"

	"github.com/rollcall-dev/rollcall/pkg/config"
	"github.com/rollcall-dev/rollcall/pkg/credential"
	"github.com/rollcall-dev/rollcall/pkg/secret"
)

// No source of this version keeps an identity without a client secret, so nothing
// outside of this package can make a Reader of one.
func TestNoSealKeyIsDerivedFromWhatIsNotSecret(t *testing.T) {
	for _, id := range []credential.Identity{
		{},
		{TenantID: "5f1c1f0e-6d3b-4a57-9c1d-2f6f3f1f0001", ClientID: "0b7a4f4e-1111-4c59-8a52-7d1d9f1f0002", KeyID: "k-1"},
		{ClientID: "0b7a4f4e-1111-4c59-8a52-7d1d9f1f0002", ClientSecret: secret.NewText("")},
	} {
		key, err := derivedSealKey(id)
		var invalid *config.Error
		if !errors.As(err, &invalid) || invalid.Name() != "Config.Invalid" || !strings.Contains(err.Error(), "ROLLCALL_SEAL_KEY") || key != nil {
			t.Errorf("%v: %d bytes, %v", id, len(key), err)
		}
	}
}
