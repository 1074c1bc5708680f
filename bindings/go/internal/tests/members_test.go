package tests

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// A mismatch is a case that cannot be understood, or that comes out otherwise. It travels as a panic, because it may be
// found anywhere between the case and one of its cells; `caught` ends its way.
type mismatch struct{ reason string }

func fail(format string, arguments ...any) {
	panic(mismatch{fmt.Sprintf(format, arguments...)})
}

// caught does a part of something, and returns why it failed.
func caught(part func()) (failure error) {
	defer func() {
		switch found := recover().(type) {
		case nil:
		case mismatch:
			failure = errors.New(found.reason)
		default:
			panic(found)
		}
	}()
	part()
	return nil
}

// within does a part of something, and says which part if it fails.
func within(place string, part func()) {
	if failure := caught(part); failure != nil {
		fail("%s: %s", place, failure)
	}
}

// must is for calls that no case lets fail.
func must(failure error) {
	if failure != nil {
		fail("%s", failure)
	}
}

func must1[Value any](value Value, failure error) Value {
	must(failure)
	return value
}

func same[Value comparable](what string, found, expected Value) {
	if found != expected {
		fail("%s is %v, not %v", what, found, expected)
	}
}

// sameJSON compares what are values of JSON, whatever they are in Go.
func sameJSON(what string, found, expected any) {
	same(what, text(found), text(expected))
}

// parsed is JSON whose numbers stay as they are written.
func parsed(document []byte) (value any, failure error) {
	decoder := json.NewDecoder(bytes.NewReader(document))
	decoder.UseNumber()
	failure = decoder.Decode(&value)
	return value, failure
}

// text is JSON with the members of objects sorted by name.
func text(value any) string {
	var written strings.Builder
	encoder := json.NewEncoder(&written)
	encoder.SetEscapeHTML(false)
	must(encoder.Encode(value))
	return strings.TrimSuffix(written.String(), "\n")
}

// Members are those of an object, to be taken one by one; end fails if one is left over.
type members map[string]any

func membersOf(value any) members {
	return maps.Clone(as[map[string]any](value))
}

func (m members) has(name string) bool {
	_, has := m[name]
	return has
}

// take is a member, or nil if it is missing.
func (m members) take(name string) any {
	member := m[name]
	delete(m, name)
	return member
}

func (m members) need(name string) any {
	if !m.has(name) {
		fail("%s is missing", name)
	}
	return m.take(name)
}

func (m members) end() {
	for name := range m {
		fail("%s is not known here", name)
	}
}

// takeOr is a member as a value of Go, or another value if it is missing.
func takeOr[Value any](m members, name string, otherwise Value) Value {
	if !m.has(name) {
		return otherwise
	}
	return as[Value](m.take(name))
}

func as[Value any](value any) Value {
	converted, is := value.(Value)
	if !is {
		fail("expected %T, found %s", converted, text(value))
	}
	return converted
}

func texts(value any) []string {
	var all []string
	for _, one := range as[[]any](value) {
		all = append(all, as[string](one))
	}
	return all
}

func integer(value any) int64 {
	return must1(as[json.Number](value).Int64())
}

func integerOr(m members, name string, otherwise int64) int64 {
	if !m.has(name) {
		return otherwise
	}
	return integer(m.take(name))
}

func number(digits string) int32 {
	return int32(must1(strconv.ParseInt(digits, 10, 32)))
}

// sorted are the members of an object in the order of their names; of null, none.
func sorted(object any) (names []string, values map[string]any) {
	if object == nil {
		return nil, nil
	}
	values = as[map[string]any](object)
	return slices.Sorted(maps.Keys(values)), values
}

// list are the items of an array; of null, none.
func list(array any) []any {
	if array == nil {
		return nil
	}
	return as[[]any](array)
}
