package lang

import (
	"fmt"
	"strings"
)

// Detect chooses the language: the flag if it is set, else the first of SIJIL_LANG and, as POSIX 8.2 says, LC_ALL, LC_MESSAGES and LANG
// that is set, else English. Only a flag that names no language is an error; an environment in another language gets English.
// The flag may carry a region or an encoding, as in "ar_IQ.UTF-8".
func Detect(flag string, env func(string) string) (Language, error) {
	if flag != "" {
		if l := primary(flag); catalogues[l] != nil {
			return l, nil
		}
		return English, fmt.Errorf("language %q is not known; choose en or ar", flag)
	}
	for _, name := range []string{"SIJIL_LANG", "LC_ALL", "LC_MESSAGES", "LANG"} {
		if value := env(name); value != "" {
			if l := primary(value); catalogues[l] != nil {
				return l, nil
			}
			return English, nil
		}
	}
	return English, nil
}

// primary takes the language out of a locale or a language tag: ar_IQ.UTF-8, ar-IQ, AR.
func primary(locale string) Language {
	if i := strings.IndexAny(locale, "_-.@"); i >= 0 {
		locale = locale[:i]
	}
	return Language(strings.ToLower(locale))
}
