package fhir

// The elements of CapabilityStatement that are filled in.
type (
	capability struct {
		ResourceType   string             `json:"resourceType"`
		Status         string             `json:"status"`
		Date           string             `json:"date"`
		Kind           string             `json:"kind"`
		Software       capabilitySoftware `json:"software"`
		Implementation map[string]string  `json:"implementation"`
		Instantiates   []string           `json:"instantiates,omitempty"`
		FHIRVersion    string             `json:"fhirVersion"`
		Format         []string           `json:"format"`
		PatchFormat    []string           `json:"patchFormat,omitempty"`
		Rest           []capabilityRest   `json:"rest"`
	}
	capabilitySoftware struct {
		Name    string `json:"name"`
		Version string `json:"version,omitempty"`
	}
	capabilityExtension struct {
		URL       string `json:"url"`
		Canonical string `json:"valueCanonical,omitempty"`
		URI       string `json:"valueUri,omitempty"`
	}
	capabilityRest struct {
		Extension     []capabilityExtension `json:"extension,omitempty"`
		Mode          string                `json:"mode"`
		Documentation string                `json:"documentation"`
		Security      capabilitySecurity    `json:"security"`
		Resource      []capabilityResource  `json:"resource"`
		Interaction   []capabilityCode      `json:"interaction"`
		SearchParam   []capabilitySearch    `json:"searchParam,omitempty"`
		Operation     []capabilitySearch    `json:"operation,omitempty"`
		Compartment   []string              `json:"compartment,omitempty"`
	}
	capabilitySecurity struct {
		CORS        bool   `json:"cors"`
		Description string `json:"description"`
	}
	capabilityCode struct {
		Code string `json:"code"`
	}
	capabilityResource struct {
		Extension         []capabilityExtension `json:"extension,omitempty"`
		Type              string                `json:"type"`
		Profile           string                `json:"profile"`
		SupportedProfile  []string              `json:"supportedProfile,omitempty"`
		Documentation     string                `json:"documentation,omitempty"`
		Interaction       []capabilityCode      `json:"interaction,omitempty"`
		Versioning        string                `json:"versioning,omitempty"`
		ReadHistory       bool                  `json:"readHistory"`
		UpdateCreate      bool                  `json:"updateCreate"`
		ConditionalCreate bool                  `json:"conditionalCreate"`
		ConditionalRead   string                `json:"conditionalRead"`
		ConditionalUpdate bool                  `json:"conditionalUpdate"`
		ConditionalDelete string                `json:"conditionalDelete"`
		ReferencePolicy   []string              `json:"referencePolicy,omitempty"`
		SearchInclude     []string              `json:"searchInclude,omitempty"`
		SearchRevInclude  []string              `json:"searchRevInclude,omitempty"`
		SearchParam       []capabilitySearch    `json:"searchParam,omitempty"`
		Operation         []capabilitySearch    `json:"operation,omitempty"`
	}
	capabilitySearch struct {
		Name          string `json:"name"`
		Definition    string `json:"definition"`
		Type          string `json:"type,omitempty"`
		Documentation string `json:"documentation,omitempty"`
	}
)
