package azureapi

import (
	"net/http"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/rollcall-dev/rollcall/pkg/diagnosis"
)

// headerTimeout is how long a service may take to begin its answer.
const headerTimeout = time.Minute

// Client returns the HTTP client for a service: own, or if that is nil Go's with a limit
// on the wait for an answer. Its answers are bounded. Go's follows no redirects: people
// and tokens go to the configured address and to no other, whatever an answer says.
func Client(own policy.Transporter) policy.Transporter {
	if own == nil {
		own = standard()
	}
	return diagnosis.Bounded(own)
}

func standard() policy.Transporter {
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	if shared, ok := http.DefaultTransport.(*http.Transport); ok {
		limited := shared.Clone()
		limited.ResponseHeaderTimeout = headerTimeout
		client.Transport = limited
	}
	return client
}
