const TEXTS = {
  en: {
    title: "Login to Breeze API", user: "User/Login Id", password: "Password", terms: "I accept the terms and conditions", login: "Login",
    dob: "Date of birth", totp: "Verify TOTP", enterTotp: "Enter the TOTP shown by your authenticator app", plain: "Enter OTP", submit: "Submit",
    accept: "Accept all", reject: "Reject all", cookies: "We use cookies to make ICICI Direct better. Which ones may we set?",
    mustAccept: "Please accept the terms and conditions", needsCode: "Please enter the valid OTP", signupTitle: "New to ICICI Direct?",
    signup: { name: "Full name", mail: "E-mail", go: "Open an account" }, broken: "Something went wrong. Please try again later.",
  },
  hi: {
    title: "Breeze API में लॉगिन करें", user: "उपयोगकर्ता / Login Id", password: "पासवर्ड", terms: "मैं नियम और शर्तें स्वीकार करता हूँ", login: "लॉगिन",
    dob: "जन्म तिथि", totp: "TOTP सत्यापित करें", enterTotp: "अपने ऐप का TOTP दर्ज करें", plain: "OTP दर्ज करें", submit: "जमा करें",
    accept: "सभी स्वीकारें", reject: "सभी अस्वीकारें", cookies: "हम कुकीज़ का उपयोग करते हैं।",
    mustAccept: "कृपया नियम और शर्तें स्वीकार करें", needsCode: "कृपया सही OTP दर्ज करें", signupTitle: "ICICI Direct पर नए हैं?",
    signup: { name: "पूरा नाम", mail: "ईमेल", go: "खाता खोलें" }, broken: "कुछ गलत हो गया",
  },
};
