package fhir

import (
	searching "github.com/sijil-health/sijil/fhir/search"
	"github.com/sijil-health/sijil/terminology"
)

// codes is the terminology that a request's searches ask, for :in, :not-in, :below and :above.
func (s *Server) codes(q *request) searching.Terminology {
	return searchedCodes(func() *terminology.Terminology { return s.known(q).terms })
}

// Codes is a terminology as searches ask it.
func Codes(t *terminology.Terminology) searching.Terminology {
	return searchedCodes(func() *terminology.Terminology { return t })
}

// searchedCodes gives the terminology once one is needed: few searches need one.
type searchedCodes func() *terminology.Terminology

func (c searchedCodes) Members(valueSet string, limit int) ([]searching.Code, error) {
	set, err := c().Set(valueSet)
	if err != nil {
		return nil, err
	}
	return searched(set.Codes(limit))
}

func (c searchedCodes) Below(code searching.Code, limit int) ([]searching.Code, error) {
	return searched(c().Below(terminology.Coding{System: code.System, Code: code.Code}, limit))
}

func (c searchedCodes) Above(code searching.Code, limit int) ([]searching.Code, error) {
	return searched(c().Above(terminology.Coding{System: code.System, Code: code.Code}, limit))
}

func searched(list []terminology.Coding, err error) ([]searching.Code, error) {
	if err != nil {
		return nil, err
	}
	codes := make([]searching.Code, len(list))
	for i, c := range list {
		codes[i] = searching.Code{System: c.System, Code: c.Code}
	}
	return codes, nil
}
