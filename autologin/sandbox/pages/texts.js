"use strict";
// What the pages say where a broker's page.json has no words of its own. A field's label goes by the field's name.
const TEXTS = {
  en: {
    title: "Sign in", user: "User ID", password: "Password", mobile: "Mobile number", code: "TOTP", sms: "OTP sent by SMS", pin: "PIN",
    login: "Login", next: "Continue", verify: "Verify", forgot: "Forgot password?", resend: "Resend OTP", terms: "I accept the terms and conditions",
    wait: "Please wait", broken: "Something went wrong. Please try again later.", robot: "Please confirm that you are not a robot",
    signup: "Open a free account", signup_name: "Full name", signup_email: "Email", signup_phone: "Phone number",
    signup_password: "Create a password", signup_otp: "OTP", signup_go: "Sign up",
    cookies: "We use cookies to make this site better. Which ones may we set?", accept: "Accept all", reject: "Reject all",
    consent: "Sandbox app wants to use your account", rights: ["See your profile and funds", "Place and change orders"], allow: "Allow", deny: "Deny",
    notice: "Add a nominee to your account", notice_why: "New rules ask every investor to decide.", nominee: "Add a nominee", later: "Remind me later",
  },
  hi: {
    title: "प्रवेश करें", user: "उपयोगकर्ता आईडी", password: "पासवर्ड", mobile: "मोबाइल नंबर", code: "प्रमाणक ऐप का कोड", sms: "एसएमएस का ओटीपी", pin: "गुप्त पिन",
    login: "प्रवेश करें", next: "आगे बढ़ें", verify: "सत्यापित करें", forgot: "पासवर्ड भूल गए?", resend: "ओटीपी फिर भेजें", terms: "मैं नियम और शर्तें स्वीकार करता हूँ",
    wait: "कृपया प्रतीक्षा करें", broken: "कुछ गड़बड़ हो गई। कृपया बाद में फिर कोशिश करें।", robot: "कृपया पुष्टि करें कि आप रोबोट नहीं हैं",
    signup: "मुफ़्त खाता खोलें", signup_name: "पूरा नाम", signup_email: "ईमेल", signup_phone: "फ़ोन नंबर",
    signup_password: "पासवर्ड बनाएँ", signup_otp: "ओटीपी", signup_go: "खाता खोलें",
    cookies: "हम कुकी का उपयोग करते हैं। किनकी अनुमति है?", accept: "सभी स्वीकार करें", reject: "सभी अस्वीकार करें",
    consent: "सैंडबॉक्स ऐप आपके खाते का उपयोग करना चाहता है", rights: ["आपकी प्रोफ़ाइल और धनराशि देखना", "ऑर्डर देना और बदलना"], allow: "अनुमति दें", deny: "मना करें",
    notice: "अपने खाते में नामांकित व्यक्ति जोड़ें", notice_why: "नए नियम हर निवेशक से निर्णय माँगते हैं।", nominee: "नामांकित व्यक्ति जोड़ें", later: "बाद में याद दिलाएँ",
  },
};
