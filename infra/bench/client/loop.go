package client

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness/tenant"
)

// Loop is the well-known recipe, with paging: POST for a token, GET with it,
// decode the page into structs, encode each, follow @odata.nextLink. It checks
// nothing and retries nothing.
func Loop(ctx context.Context, from tenant.Access, out io.Writer) (int, error) {
	w := bufio.NewWriterSize(out, bufferSize)
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	n, err := readPages(ctx, from, func(rows []Row) error {
		for i := range rows {
			if err := encoder.Encode(&rows[i]); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return n, err
	}
	return n, w.Flush()
}

// RawLoop is the recipe by a careful hand: the users stay json.RawMessage, so
// that they are neither decoded nor encoded.
func RawLoop(ctx context.Context, from tenant.Access, out io.Writer) (int, error) {
	w := bufio.NewWriterSize(out, bufferSize)
	n, err := readPages(ctx, from, func(rows []json.RawMessage) error {
		for _, row := range rows {
			_, _ = w.Write(row) // bufio keeps the error
			if err := w.WriteByte('\n'); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return n, err
	}
	return n, w.Flush()
}

// readPages reads page after page, each whole.
func readPages[T any](ctx context.Context, from tenant.Access, page func([]T) error) (n int, err error) {
	token, err := requestToken(ctx, from)
	if err != nil {
		return 0, err
	}
	next := from.URL + "/v1.0/users?$select=" + strings.Join(Columns(), ",") + "&$top=" + strconv.Itoa(PageSize)
	for next != "" {
		var body struct {
			NextLink string `json:"@odata.nextLink"`
			Value    []T    `json:"value"`
		}
		if err := get(ctx, next, token, &body); err != nil {
			return n, err
		}
		if err := page(body.Value); err != nil {
			return n, err
		}
		n, next = n+len(body.Value), body.NextLink
	}
	return n, nil
}

func get(ctx context.Context, address, token string, into any) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer "+token)
	return answer(request, into)
}

// requestToken is the client credentials grant.
func requestToken(ctx context.Context, from tenant.Access) (string, error) {
	form := url.Values{
		"grant_type":    {"client_credentials"},
		"client_id":     {from.ClientID},
		"client_secret": {from.ClientSecret},
		"scope":         {"https://graph.microsoft.com/.default"},
	}
	address := from.URL + "/" + from.TenantID + "/oauth2/v2.0/token"
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(form.Encode()))
	if err != nil {
		return "", err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	var body struct {
		AccessToken string `json:"access_token"`
	}
	err = answer(request, &body)
	return body.AccessToken, err
}

func answer(request *http.Request, into any) error {
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answered %s", request.URL.Path, response.Status)
	}
	return json.NewDecoder(response.Body).Decode(into)
}
