package tenant

import "github.com/rollcall-dev/rollcall/pkg/simulator"

// The app that rotates the client secret of the one that reads.
const (
	RotatorID     = "20747a70-0a57-4a7e-9d0c-ba9876543210"
	RotatorSecret = "th3-s3cret.of~the-rotator-that-no-log.may.contain"
)

// Rotator is that app as a tenant has it: it owns the registration of the reader, and may
// change what it owns.
func Rotator() simulator.App {
	return simulator.App{
		ClientID: RotatorID, ClientSecret: RotatorSecret, Roles: []string{"Application.ReadWrite.OwnedBy"}, Owns: []string{simulator.DefaultClientID},
	}
}
