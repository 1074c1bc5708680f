package tests

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// unused is what of karrow.h the package does without, and why.
var unused = map[string]string{}

var (
	comments  = regexp.MustCompile(`(?s)//[^\n]*|/\*.*?\*/`)
	functions = regexp.MustCompile(`\b(karrow_[a-z_]+)\(`)
	constants = regexp.MustCompile(`(?:#define |\b)(KARROW_[A-Z_]+)(?: =| -?\d)`)
	usesOfGo  = regexp.MustCompile(`\bC\.(karrow_[a-z_]+|KARROW_[A-Z_]+)\b`)
	preamble  = regexp.MustCompile(`(?m)(?:^//.*\n)+import "C"$`)
	slashes   = regexp.MustCompile(`(?m)^//`)
)

// A function, constant or number that C has, Go has too.
func TestThePackageUsesAllOfTheHeader(t *testing.T) {
	header := comments.ReplaceAllString(contentOf(t, "../../../../include/karrow.h"), "")
	missing := map[string]bool{}
	for _, pattern := range []*regexp.Regexp{functions, constants} {
		for _, match := range pattern.FindAllStringSubmatch(header, -1) {
			missing[match[1]] = true
		}
	}
	if len(missing) < 100 {
		t.Fatalf("the header has only %d names; has it been understood?", len(missing))
	}
	for name := range usedNames(t) {
		if reason, is := unused[name]; is {
			t.Errorf("%s is used, so that it needs no reason (%s)", name, reason)
		}
		delete(missing, name)
	}
	for _, name := range slices.Sorted(maps.Keys(missing)) {
		if unused[name] == "" {
			t.Errorf("nothing uses %s; wrap it, or say here why not", name)
		}
	}
}

// usedNames are the names that the package uses, in Go and in the C in front of an `import "C"` or in files of its own.
func usedNames(t *testing.T) map[string]bool {
	used := map[string]bool{}
	add := func(pattern *regexp.Regexp, code string) {
		for _, match := range pattern.FindAllStringSubmatch(comments.ReplaceAllString(code, ""), -1) {
			used[match[1]] = true
		}
	}
	for _, pattern := range []string{"../../*.go", "../../*.c", "../native/*.go"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: no files (%v)", pattern, err)
		}
		for _, file := range files {
			code := contentOf(t, file)
			switch {
			case strings.HasSuffix(file, "_test.go"):
			case strings.HasSuffix(file, ".go"):
				add(usesOfGo, code)
				add(functions, slashes.ReplaceAllString(preamble.FindString(code), ""))
			default:
				add(functions, code)
			}
		}
	}
	return used
}

func contentOf(t *testing.T, file string) string {
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}
