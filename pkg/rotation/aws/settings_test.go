package aws_test

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/config"
	"github.com/rollcall-dev/rollcall/pkg/rotation/aws"
)

func TestTheSettingsAreChecked(t *testing.T) {
	for variable, wrong := range map[string][]string{
		"ROLLCALL_SECRET_LIFETIME": {"90", "90d", "0h", "7h", "-2160h", "17521h", "s3cr3t"},
		"ROLLCALL_ROTATED_SECRET":  {"rollcall/entra", "arn:aws:ssm:eu-west-1:123456789012:parameter/s3cr3t", "secretsmanager:arn:aws:secretsmanager:eu-west-1:123456789012:secret:a"},
	} {
		for _, value := range wrong {
			_, err := config.Read([]string{variable + "=" + value}, new(aws.Settings))
			if err == nil || !strings.Contains(err.Error(), variable) || strings.Contains(err.Error(), "s3cr3t") {
				t.Errorf("%s=%s: %v", variable, value, err)
			}
		}
	}
	var s aws.Settings
	if _, err := config.Read(nil, &s); err != nil || time.Duration(s.Lifetime) != 90*24*time.Hour || s.Secret != "" {
		t.Errorf("%+v, %v", s, err)
	}
	if _, err := config.Read([]string{"ROLLCALL_SECRET_LIFETIME=8760h", "ROLLCALL_ROTATED_SECRET=arn:aws:secretsmanager:eu-west-1:123456789012:secret:a-AbCdEf"}, &s); err != nil || time.Duration(s.Lifetime) != 365*24*time.Hour || s.Secret == "" {
		t.Errorf("%+v, %v", s, err)
	}
}

func TestNothingIsReadAtTheStart(t *testing.T) {
	t.Setenv("AWS_CONFIG_FILE", "/nowhere/at/all")
	cfg, err := config.Read([]string{"ROLLCALL_CREDENTIALS=secretsmanager:rollcall/rotator"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := aws.New(cfg, aws.Settings{}, slog.New(slog.DiscardHandler)); err != nil {
		t.Error(err)
	}
}
