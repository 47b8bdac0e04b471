package sns

import (
	"errors"
	"regexp"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws/arn"
)

// Topic is the address of a topic.
type Topic struct {
	// ARN is the topic's.
	ARN string
	// Name and Region are the ARN's.
	Name, Region string
	// FIFO says that the topic keeps an order: its name ends in .fifo.
	FIFO bool
}

// Parse reads a topic's ARN.
func Parse(address string) (Topic, error) {
	a, err := arn.Parse(address)
	names := regexp.MustCompile(`^([A-Za-z0-9_-]{1,256}|[A-Za-z0-9_-]{1,251}\.fifo)$`)
	if err != nil || a.Service != "sns" || a.Region == "" || a.AccountID == "" || !names.MatchString(a.Resource) {
		return Topic{}, errors.New("a topic is given by its ARN, arn:aws:sns:<region>:<account>:<name>")
	}
	return Topic{ARN: address, Name: a.Resource, Region: a.Region, FIFO: strings.HasSuffix(a.Resource, ".fifo")}, nil
}

func (t Topic) String() string { return "topic " + t.Name }
