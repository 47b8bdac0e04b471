package changes_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"time"
)

// subscribe subscribes the webhook to the tenant's changes.
func (d *deployment) subscribe() {
	d.Helper()
	address := d.front.URL + "/notifications"
	body, err := json.Marshal(map[string]string{
		"changeType": "updated,deleted", "resource": "users", "notificationUrl": address, "lifecycleNotificationUrl": address,
		"clientState": clientState, "expirationDateTime": time.Now().Add(24 * time.Hour).UTC().Format(time.RFC3339),
	})
	if err != nil {
		d.Fatal(err)
	}
	token, err := d.tenant.TokenSource(d.tenant.Transport()).Token(d.Context(), "", "")
	if err != nil {
		d.Fatal(err)
	}
	request, err := http.NewRequestWithContext(d.Context(), http.MethodPost, "https://graph.microsoft.com/v1.0/subscriptions", bytes.NewReader(body))
	if err != nil {
		d.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+token)
	request.Header.Set("Content-Type", "application/json")
	response, err := (&http.Client{Transport: d.tenant.Transport()}).Do(request)
	if err != nil {
		d.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	if answer, err := io.ReadAll(response.Body); err != nil || response.StatusCode != http.StatusCreated {
		d.Fatalf("%d, %s, %v", response.StatusCode, answer, err)
	}
}
