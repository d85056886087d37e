// Package ucum reads units of the Unified Code for Units of Measure (https://unitsofmeasure.org, version 2.0.1) in their case sensitive form,
// says which can be compared, and converts values from one into another.
//
// It owns the table of UCUM's symbols, which a generator makes of ucum-essence.xml and which is part of the program. It promises that a
// conversion between units that differ by a factor or an offset is exact, that a unit once understood never changes, and that no input
// takes long: length, depth, exponents and the size of numbers are limited.
//
// What UCUM says of some units, in short:
//
//   - An annotation, "{RBC}", means nothing: "{RBC}/uL" is "/uL" (§6).
//   - Arbitrary units, "[IU]", compare with themselves only (§24).
//   - Special units stand on a scale of their own, degrees Celsius, pH, decibel (§21): alone and with a prefix they are converted, in a
//     product with other units they have no meaning. Such an expression is read; its value cannot be converted.
//   - A mole is a number: "mol/L" compares with "/L".
//
// Imports: nothing of ours.
package ucum

//go:generate go run ./internal/gen
