package iam

import (
	"context"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness/cloud"
)

// Session is a role that was assumed.
type Session struct{ AccessKeyID, SecretAccessKey, SessionToken string }

// Environ is the environment of a program that has assumed the role.
func (s Session) Environ() []string {
	return []string{"AWS_ACCESS_KEY_ID=" + s.AccessKeyID, "AWS_SECRET_ACCESS_KEY=" + s.SecretAccessKey, "AWS_SESSION_TOKEN=" + s.SessionToken}
}

// physical is the role's name in the account.
func (r *Role) physical() string { return r.ARN[strings.LastIndexByte(r.ARN, '/')+1:] }

// Create makes the role in the moto at an address, and assumes it.
func (r *Role) Create(ctx context.Context, address string) (Session, error) {
	const trust = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}]}`
	_, err := post(ctx, address, "iam", url.Values{"Action": {"CreateRole"}, "Version": {"2010-05-08"}, "RoleName": {r.physical()}, "AssumeRolePolicyDocument": {trust}})
	if err != nil {
		return Session{}, err
	}
	if err := r.Put(ctx, address); err != nil {
		return Session{}, err
	}
	answer, err := post(ctx, address, "sts", url.Values{"Action": {"AssumeRole"}, "Version": {"2011-06-15"}, "RoleArn": {r.ARN}, "RoleSessionName": {"e2e"}})
	if err != nil {
		return Session{}, err
	}
	var got struct {
		Session struct {
			AccessKeyID     string `xml:"AccessKeyId"`
			SecretAccessKey string
			SessionToken    string
		} `xml:"AssumeRoleResult>Credentials"`
	}
	if err := xml.Unmarshal(answer, &got); err != nil {
		return Session{}, fmt.Errorf("assume %s: %w", r.ARN, err)
	}
	return Session{got.Session.AccessKeyID, got.Session.SecretAccessKey, got.Session.SessionToken}, nil
}

// Put gives the role its policy there.
func (r *Role) Put(ctx context.Context, address string) error {
	text, err := r.policy()
	if err == nil {
		_, err = post(ctx, address, "iam", url.Values{"Action": {"PutRolePolicy"}, "Version": {"2010-05-08"}, "RoleName": {r.physical()}, "PolicyName": {"all"}, "PolicyDocument": {text}})
	}
	return err
}

// post sends a request as the owner of the account.
func post(ctx context.Context, address, service string, form url.Values) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=e2e/20260101/"+cloud.Region+"/"+service+"/aws4_request, SignedHeaders=host, Signature=0")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	answer, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s of %s: %s: %s", form.Get("Action"), form.Get("RoleName"), resp.Status, answer)
	}
	return answer, err
}
