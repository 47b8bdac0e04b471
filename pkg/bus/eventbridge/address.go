package eventbridge

import (
	"errors"
	"regexp"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws/arn"
)

// Bus is the address of an event bus.
type Bus struct {
	// Name is the bus's name or ARN, as PutEvents takes it.
	Name string
	// Region is the ARN's, "" for a name.
	Region string
}

// Parse reads a bus's name, such as default, or its ARN
// (arn:aws:events:<region>:<account>:event-bus/<name>).
func Parse(address string) (Bus, error) {
	// As in EventBusName of PutEvents.
	names := regexp.MustCompile(`^[/.\-_A-Za-z0-9]{1,256}$`)
	if names.MatchString(address) {
		return Bus{Name: address}, nil
	}
	a, err := arn.Parse(address)
	if err != nil {
		return Bus{}, errors.New("an event bus is given by its name (letters, digits, . - _ /) or its ARN")
	}
	name, found := strings.CutPrefix(a.Resource, "event-bus/")
	if a.Service != "events" || !found || !names.MatchString(name) || a.Region == "" || a.AccountID == "" {
		return Bus{}, errors.New("the ARN is not of an event bus, which is arn:aws:events:<region>:<account>:event-bus/<name>")
	}
	return Bus{Name: address, Region: a.Region}, nil
}

func (b Bus) String() string {
	_, name, found := strings.Cut(b.Name, ":event-bus/")
	if !found {
		name = b.Name
	}
	return "event bus " + name
}
