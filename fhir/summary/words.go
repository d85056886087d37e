package summary

// word gives a text in the language of the summary. What there is no text for is given as it is.
func (m *Maker) word(key string) string {
	w, ok := words[key]
	switch {
	case !ok:
		return key
	case m.Language == "ar":
		return w.ar
	}
	return w.en
}

type word struct{ en, ar string }

// words are the texts: titles of sections, headings, codes of statuses, and sentences.
var words = map[string]word{
	"title": {"International Patient Summary", "الملخّص الدولي للمريض"},

	"medications":       {"Medication Summary", "ملخّص الأدوية"},
	"allergies":         {"Allergies and Intolerances", "الحساسيّات وعدم التحمّل"},
	"problems":          {"Problem List", "قائمة المشكلات الصحيّة"},
	"immunizations":     {"Immunizations", "التطعيمات"},
	"procedures":        {"History of Procedures", "الإجراءات السابقة"},
	"devices":           {"Medical Devices", "الأجهزة الطبيّة"},
	"results":           {"Diagnostic Results", "نتائج الفحوص"},
	"vitalSigns":        {"Vital Signs", "العلامات الحيويّة"},
	"pastIllness":       {"History of Past Illness", "الأمراض السابقة"},
	"pregnancy":         {"Pregnancy", "الحمل"},
	"socialHistory":     {"Social History", "التاريخ الاجتماعي"},
	"functionalStatus":  {"Functional Status", "الحالة الوظيفيّة"},
	"planOfCare":        {"Plan of Care", "خطّة الرعاية"},
	"advanceDirectives": {"Advance Directives", "التوجيهات المسبقة"},

	"medication":  {"Medication", "الدواء"},
	"dosage":      {"Dosage", "الجرعة"},
	"status":      {"Status", "الحالة"},
	"since":       {"Since", "منذ"},
	"until":       {"Until", "حتى"},
	"date":        {"Date", "التاريخ"},
	"allergy":     {"Allergy or intolerance", "الحساسيّة أو عدم التحمّل"},
	"reaction":    {"Reaction", "التفاعل"},
	"criticality": {"Criticality", "الخطورة"},
	"problem":     {"Problem", "المشكلة"},
	"severity":    {"Severity", "الشدّة"},
	"vaccine":     {"Vaccine", "اللقاح"},
	"procedure":   {"Procedure", "الإجراء"},
	"device":      {"Device", "الجهاز"},
	"observation": {"Observation", "الملاحظة"},
	"value":       {"Value", "القيمة"},
	"assessment":  {"Assessment", "التقييم"},
	"plan":        {"Plan", "الخطّة"},
	"directive":   {"Directive", "التوجيه"},

	"none.medications": {"There is no information about medications.", "لا توجد معلومات عن الأدوية."},
	"none.allergies":   {"There is no information about allergies.", "لا توجد معلومات عن الحساسيّات."},
	"none.problems":    {"There is no information about problems.", "لا توجد معلومات عن المشكلات الصحيّة."},
	"withoutStatus":    {"What is recorded has no clinical status: see the text of the section.", "لا حالة سريريّة لما هو مسجَّل: انظر نصّ القسم."},
	"more":             {"Further entries that are not shown: %d.", "مدخلات أخرى غير معروضة: %d."},
	"uncoded":          {"Entries without a code or a name, which are not shown: %d.", "مدخلات بلا رمز أو اسم، غير معروضة: %d."},
	"incomplete": {"This summary is not complete: some of what the record holds could not be read, or is more than a summary takes.",
		"هذا الملخّص غير مكتمل: تعذّرت قراءة بعض ما في السجلّ، أو أنّه أكثر ممّا يتّسع له الملخّص."},
	"notRecorded": {"status not recorded", "الحالة غير مسجَّلة"},

	"active":           {"active", "نشط"},
	"inactive":         {"inactive", "غير نشط"},
	"recurrence":       {"recurrence", "انتكاس"},
	"relapse":          {"relapse", "معاودة"},
	"remission":        {"remission", "هجوع"},
	"resolved":         {"resolved", "منتهٍ"},
	"confirmed":        {"confirmed", "مؤكَّد"},
	"unconfirmed":      {"unconfirmed", "غير مؤكَّد"},
	"provisional":      {"provisional", "مبدئي"},
	"differential":     {"differential", "تفريقي"},
	"completed":        {"completed", "مكتمل"},
	"in-progress":      {"in progress", "جارٍ"},
	"on-hold":          {"on hold", "معلَّق"},
	"stopped":          {"stopped", "متوقّف"},
	"intended":         {"intended", "مزمع"},
	"unknown":          {"unknown", "غير معروف"},
	"final":            {"final", "نهائي"},
	"preliminary":      {"preliminary", "أوّلي"},
	"partial":          {"partial", "جزئي"},
	"amended":          {"amended", "معدَّل"},
	"corrected":        {"corrected", "مصحَّح"},
	"appended":         {"appended", "ملحق"},
	"low":              {"low", "منخفضة"},
	"high":             {"high", "مرتفعة"},
	"unable-to-assess": {"unable to assess", "يتعذّر تقديرها"},
	"mild":             {"mild", "خفيف"},
	"moderate":         {"moderate", "متوسّط"},
	"severe":           {"severe", "شديد"},
	"true":             {"yes", "نعم"},
	"false":            {"no", "لا"},
}
