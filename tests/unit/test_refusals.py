"""What a broker's words mean, in many wordings: the one table of refusals, kind by kind."""

from __future__ import annotations

import re

import pytest
from support.replies import flow_at

from autologin.errors import CredentialsRejected, OtpRejected
from autologin.flow.phrases import Meaning, classify, meaning_of, named_secret, says_nothing
from autologin.flow.script import LoginScript, Step

MEANT = {
    "account_locked": """
Access blocked for 60 mins as OTP failed thrice
Login has been restricted for 24 hours due to multiple wrong attempts
Invalid OTP entered 3 times. Please try after 30 minutes
Invalid OTP. You are blocked for 15 minutes
Too many invalid OTP requests. Try after 24 hours
You have entered wrong OTP 5 times. Login disabled for 1 hour.
Wrong TOTP entered thrice, user temporarily disabled
OTP verification suspended due to repeated failures
User temporarily disabled as wrong TOTP was entered 3 times
Login suspended for 30 mins
Incorrect MPIN entered 5 times. Access blocked for 24 hours
TOTP validation has been disabled for the next 2 hours
5 wrong attempts. User disabled
Disabled after 5 failed attempts
Login blocked due to repeated failures
You have been blocked for 1 hour due to wrong OTP
Authentication suspended because of multiple invalid attempts
Too many failures, try after 10 minutes
Too many invalid requests. Please try after 1 hour
Number of invalid OTP attempts exceeded
Invalid OTP limit exceeded
Too many incorrect TOTPs
Wrong OTP entered multiple times; login has been disabled
Login is disabled for 30 minutes.
Invalid TOTP entered 3 times. You cannot login, suspended till 1 hour
OTP blocked
Your account has been locked. Please reset your password
Account temporarily locked due to multiple failed login attempts. Please try again after 30 minutes.
User is temporarily blocked, please try after 15 mins
Maximum OTP attempts exceeded. Try again in 15 minutes.
You have reached maximum number of invalid attempts
You have exceeded maximum attempts. Please try after some time
Login locked for 15 minutes after 5 failed attempts
Account is locked after 5 unsuccessful attempts
Exceeded maximum TOTP retries
You've exceeded the allowed number of attempts
TOTP locked: too many failures
Invalid TOTP. Maximum attempts reached, try after 15 minutes
Attempt limit exceeded
No. of attempts exceeded
Your User ID has been blocked due to 5 incorrect attempts
Account disabled
Trading account deactivated
User suspended
Your demat account has been frozen as per exchange rules
Client code is inactive
Your account has been locked due to multiple incorrect attempts
Maximum attempts exceeded
Maximum attempts exceeded, please try after 15 minutes
You have exhausted all attempts
Number of attempts exhausted. Try again later
User is blocked
User ID is locked. Please unlock using forgot password
Account blocked
ACCOUNT_LOCKED
TOO_MANY_ATTEMPTS
User blocked for 30 minutes
Login has been blocked for 30 minutes
Your TOTP is blocked for 15 minutes
OTP attempts exhausted
Too many wrong attempts
Multiple failed attempts. Try again after 10 mins
Too many incorrect OTP attempts. Please try after 15 minutes
Too many incorrect PIN entries; try again in 1 hour
Invalid PIN. Your account is now locked
Invalid TOTP. Too many failed attempts, account blocked for 15 minutes
You have been locked out
You have been locked out of your account for 24 hours
We have blocked your account for security reasons. Please get in touch with customer services.
Account Suspended!
We have suspended your account due to suspicious activities
Your account is frozen
Account is deactivated
User account is dormant, please reactivate
Your account is dormant
Client is inactive
Account inactive. Contact support
Invalid Input : Deactivated
Invalid Input : User Blocked due to multiple wrong attempts
User Blocked Contact System Administrator
Your account is locked as you entered a wrong password too many times
Retry limit exceeded for this user
Maximum number of login attempts reached. Wait for 30 minutes
Max OTP attempts reached
OTP limit exceeded
OTP validation attempts exceeded
Account has been temporarily disabled
User disabled
Your account will remain locked for 15 minutes
Too many failed logins
LOGIN BLOCKED: TOO MANY INVALID ATTEMPTS
Login blocked
Your login is locked
PIN blocked. Reset it in the app
Token generation locked for 15 minutes
Too many failed attempts. Token generation locked for 15 minutes
आपका खाता लॉक कर दिया गया है
बहुत अधिक गलत प्रयास। कृपया 15 मिनट बाद प्रयास करें
Your account’s locked
Account—locked
Repeated invalid attempts detected. Login disabled for 15 minutes
voluntary freeze is active on your account
Your trading account has been frozen
User account locked. 0 attempts left
Account locked: 5 consecutive failed attempts
Client blocked for trading
Account has been blocked by RMS
""",
    "broker_unavailable": """
Request blocked due to invalid headers
Login is disabled for maintenance for 2 hours
Service suspended for 2 hours due to maintenance
Password verification failed. Server error
OTP verification failed due to technical issue
Too many requests, try after 1 minute
Too many requests. Blocked for 5 minutes
access rate exceeded
Too many OTP requests. Try after 10 minutes
Invalid password encryption key version, server error
Unable to verify password at the moment
Could not validate PIN right now
Login is not allowed between 5:00 AM and 6:00 AM
Login is blocked between 5:00 AM and 6:00 AM
Login allowed only after 6:00 AM
Login window closed
You can login after 06:00 hrs
Another login is in progress
Another login is in progress for this user. Invalid request
Login already in progress
Previous request is being processed
<b>Service</b> <script>x</script> unavailable
Request already in progress
Something went wrong. Please try after some time.
Oops, something went wrong!
Some thing went wrong, try again later
Server not reachable
We are unable to process your request. Please try again later.
System error, please try again
Request could not be processed, try again after sometime
Connection timed out
Timeout while connecting to backend
Service Unavailable
Error connecting to server
Facing heavy traffic, please retry after a few minutes
Login service is down for maintenance
Sorry for the inconvenience. Our servers are under maintenance
You are making requests too fast
Exceeded rate limits
Rate limit reached for this API key
Maximum request limit reached
Request throttled
Something Went Wrong, Please Try After Sometime
Something went wrong
Something went wrong. Please try again
Oops! Something went wrong
SOMETHING WENT WRONG, PLEASE TRY AFTER SOME TIME
Internal server error
INTERNAL_SERVER_ERROR
Internal Error
Please try again later
Please try after some time
Please try after sometime
Try after 15 minutes
Kindly retry after some time
Service unavailable
Service is temporarily unavailable
The service is currently not available
Server is down
Server busy
Servers are busy, please retry in a few minutes
System is under maintenance
We are undergoing scheduled maintenance
Down for maintenance
Our systems are down
Unable to process your request at the moment
Unable to connect to server
Request timed out
Gateway Timeout
Bad gateway
Backend server not responding
We are facing technical difficulties
Technical error, contact support
Due to a technical glitch your request could not be processed
Unexpected error occurred
Internal error, try after sometime
OMS is not available
Session expired
Your Session Expired!
Too many requests
Too Many Request
TOO_MANY_REQUESTS
Rate limit exceeded
API rate limit exceeded, retry after 60 seconds
Access denied because of exceeding access rate
Request limit exceeded
You have exceeded the number of requests per second
Token can be generated once every 2 minutes
Only one token can be generated every 60 seconds
Throttled
OTP already initiated, wait 60 seconds
Please wait for 30 seconds before generating another token
Failed To Send An OTP!
Slow down or you will be locked out
Too many attempts from your IP address
Server unable to process request
Unable to serve request currently
Temporary failure, please retry
We'll be back soon
Scheduled maintenance
MAINTENANCE
कुछ समय बाद पुनः प्रयास करें
कुछ गलत हो गया
सेवा अभी उपलब्ध नहीं है
Something went wrong… please try later
Error: upstream server error
Service temporarily down
System not responding
Login failed due to a technical issue
Credentials could not be checked: service unavailable
Could not validate PIN, server unavailable
Unable to reach exchange, try in some time
Request rejected: firewall
exchange server not available
Your login session has expired or doesn't exist. Please login again.
""",
    "exchange_rejected": """
Your IP has been blocked for 15 minutes
Invalid IP address
IP address not whitelisted for this app
Unregistered IP
Request received from a non-whitelisted IP
Your IP 1.2.3.4 does not match with registered IP
This API key can be used from the registered static IP only
IP restriction: access denied
Client IP address not permitted
Invalid Input : INVALID_IP
IP not whitelisted
IP is not registered
Unauthorized IP Address
MO2035: Unauthorized IP Address
Request from an unregistered IP
IP address mismatch
IP_NOT_ALLOWED
Access from this IP is not allowed
Your IP has been blocked
IP 203.0.113.7 is not whitelisted
Static IP not mapped to this API key
Login is allowed only from registered IP
Client IP does not match the registered static IP
Access from 203.0.113.7 is not permitted
Please whitelist your IP
Request IP is different from registered IP
Invalid IP
IPV4 address is not whitelisted
""",
    "otp_not_available": """
TOTP is not activated
TOTP login is not enabled for this client
Enable TOTP first
TOTP not set up. Please set up TOTP
2FA not enabled for user
Please setup TOTP
Authenticator not enabled
You are not registered for TOTP
TOTP feature is disabled for your account
TOTP has been disabled
T-OTP is not enabled
T-OTP not enabled
TOTP not enabled
TOTP is not enabled for this account
TOTP_NOT_ENABLED
Please enable TOTP
Please enable TOTP to continue
TOTP is disabled
2FA is not set up
External TOTP not activated
You have not enabled TOTP
You have not set up TOTP for your account
User not registered for TOTP
Two factor authentication is not enabled
Authenticator app is not configured
Kindly register for TOTP first
External 2FA is disabled
TOTP has not been enabled for this user
TotpNotEnabled
Time based OTP is not activated for your account
TOTP not registered
""",
    "otp_rejected": """
Invalid OTP. 4 attempts left before the account gets blocked
Invalid OTP. You will be blocked for 15 minutes after 5 wrong attempts
Invalid OTP. Login will be disabled for 1 hour after 3 more failures
Invalid OTP. Resend disabled for 1 minute
Invalid or expired TOTP
TOTP is invalid. Please retry
The OTP entered is wrong
Authentication failed: invalid TOTP
Entered OTP doesn't match
TOTP already used
OTP authentication failed
Invalid TOTP, please try again
Wrong TOTP. 4 attempts remaining before lock
Invalid TOTP
Invalid totp
INVALID_OTP
Incorrect OTP entered
Wrong OTP
OTP is incorrect
OTP expired
TOTP has expired
Invalid T-OTP
OTP mismatch
OTP does not match
TOTP verification failed
OTP validation failed
Please enter a valid OTP
Please enter correct TOTP
Invalid one time password
The TOTP you have entered is not valid
Invalid authenticator code
Invalid verification code
Invalid TOTP, try again later
Invalid OTP. 4 attempts left
Invalid OTP, 1 attempt left before your account gets blocked
Invalid code
Incorrect code
Invalid Input : Invalid OTP
ओटीपी गलत है
You have entered an invalid OTP. Please make sure you have entered it correctly.
Invalid TOTP. Do not share your password with anyone
Invalid 6 digit code
""",
    "credentials_rejected": """
Invalid user id or password. 4 attempts left before the account gets blocked
INVALID_CREDENTIALS: Invalid credentials
Invalid PIN. Internal error
AUTHENTICATION_FAILED: Wrong password
Incorrect MPIN. You have 4 attempts left
PIN verification failed
MPIN is wrong
Authentication failed: wrong password
Invalid user/password
Username/password combination is invalid
Invalid Client ID
No such user
User id not found
Client ID does not exist
Unknown API key
API Key not found
Invalid apikey
Api key is suspended
Invalid X-API-Key
Invalid App Key
App key blocked
Consumer key expired
API subscription expired
Invalid password
INVALID_PASSWORD
Invalid PIN
Invalid MPIN
Wrong PIN, Again!
Incorrect password
Password is incorrect
Password does not match
Invalid username or password
Invalid user id
Invalid Input : Wrong Password
Invalid Input : Invalid User
Invalid credentials
Bad credentials
Login Id or password is invalid
INVALID MPIN
User not found
User does not exist
User profile not found
Client does not exist
Invalid client code
Invalid UCC or mobile number
Mobile number not registered
Password expired
Your password has expired. Please change it
Please change your password
Please enter valid PIN
Please enter correct password
Invalid API key
Invalid app key
API key is invalid
API key expired
Your API key has expired
API key not found
INVALID_API_KEY
API key is inactive
API key is blocked
Invalid consumer key
Invalid vendor code
appKey is not valid
Invalid password. 4 attempts left before the account gets blocked.
Invalid username or password. 4 attempts left before the account gets blocked.
Invalid PIN, or your account may get blocked
You are exceeding the number of login attempts. Invalid password
Wrong password. Please try again later
पासवर्ड गलत है
Incorrect Client ID or Password. Attempt 1 of 3
This mobile number is not associated with any account.
Password mismatch
InvalidPassword
The password you entered is wrong; after 5 wrong attempts your account will be locked
redirect_uri did not match
App is inactive
The user is not enabled for the app.
Invalid `api_key`.
App is blocked
""",
    "consent_required": """
KYC is pending
Your KYC is incomplete, please complete it
eKYC pending
Re-KYC required
""",
    None: """
Connection failed many times; access restricted
Login disabled due to failure of server
Authentication service is on hold due to failed deployment
Trading is disabled for 1 day
Order placement blocked due to repeated failures
INVALID OTP OR PIN
Invalid TOTP or PIN
Invalid PIN or TOTP
Invalid TOTP or password
Invalid user id, password or OTP
Incorrect API version. Upgrade your app
MPIN not set
MPIN not set. Please set your MPIN
Invalid segment
Invalid segment. User not allowed
Invalid password encoder
12345
API blocked for 15 minutes
Segment FO is not active for the client
User blocked for F&O segment
Stock XYZ blocked by exchange
Exchange NSE is blocked
Insufficient permission
Not authorised
Validation error
Missing required field: totp
Feature disabled
Address blocked
Something else
Purple fish
Unauthorized
Forbidden
Access denied
Segment not enabled
Segment is blocked for this client
NSE FO segment blocked
Scrip blocked for trading
User is not authorised to perform this operation
Bad request
Authentication failed
Login failed
Request failed
Input validation failed
Is TOTP enabled?
Please check your details
Order blocked
Market is closed
Trading is suspended in this scrip
Dependency failed
Invalid session
Invalid token
Missing parameter
Your account has been unblocked
If your account is locked, use forgot password
Invalid request
Stock is frozen
AMX Error
Exchange segment is disabled
Please enter OTP
TOTP is required
no reason
Missing `user_id` or `password`.
RMS:Blocked for nse_cm NSEEQ
API is blocked for your segment
Your password will expire in 3 days. Change it now to avoid getting locked out of your account.
Entering a wrong OTP 5 times will block your account
Your access to this site has been blocked
""",
}
"""One a line. None: they leave open what was refused."""
ASIDES = """
If the code is shown as incorrect, set the time of your phone to automatic.
Your password will expire in 3 days. Change it now to avoid getting locked out of your account.
Facing a technical issue? Write to us
Resend OTP is disabled for 30 seconds
Resend: try after 30 seconds
Please wait 30 seconds before requesting another code
You can request a new OTP in 30 seconds
TOTP not enabled? Click here
Enable TOTP for faster logins
Forgot password?
Forgot user ID or password?
Account blocked? Unlock it here
System maintenance on Sunday from 10 am to 2 pm
We will be undergoing maintenance on Saturday
Scheduled maintenance on 12 Dec from 10 PM to 2 AM
After 5 wrong attempts your account will be locked
Account gets blocked after 5 invalid attempts
Never share your OTP, PIN or password with anyone
Enter the 6-digit code from your authenticator app
Please enter your PIN
Enter valid user id to continue
Keep your password safe to avoid your account getting locked
Do not enter a wrong PIN more than 3 times
3 attempts left
OTP sent successfully
OTP has been sent to your registered mobile number
OTP is valid for 5 minutes
Session expires in 5 minutes
Update your KYC before 31 December
Your KYC is pending
Beware of fraud: your account can be blocked by regulators
Prevent unauthorised transactions in your account
SEBI: investors' accounts without KYC are frozen
Attention investors: nominee not updated accounts may be frozen
New user? Open an account
Login successful
Your account is now secured with 2FA
TOTP enabled
Incorrect time on your phone can make codes fail
The market is closed today
Wrong number? Change
Verify PIN
Confirm your PIN
Verify your mobile number
Re-enter password
Entering a wrong OTP 5 times will block your account
"""
"""What pages say to help, to warn or to announce: no answer to what was sent."""


def lines(text):
    return text.strip().splitlines()


@pytest.mark.parametrize(
    ("words", "name"), [(line, name) for name, text in MEANT.items() for line in lines(text)]
)
def test_what_an_answer_means(words, name):
    upper = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", words).upper()  # InvalidPin has two words
    for spelled in (words, upper, f"  {words}  "):
        meant = meaning_of(spelled)
        assert (meant.kind.name if meant else None) == name, spelled


@pytest.mark.parametrize(
    ("words", "name"),
    [
        ("INVALID: Login is not allowed between 5:00 AM and 6:00 AM", "broker_unavailable"),
        ("INVALID REQUEST: Login window closed", "broker_unavailable"),
        ("INVALID REQUEST: Unable to verify password at the moment", "broker_unavailable"),
        ("INVALID CREDENTIALS: Try again", "credentials_rejected"),
        ("ACCOUNT LOCKED: Try again tomorrow", "account_locked"),
    ],
)
def test_a_refusals_name_is_a_statement_of_its_own(words, name):
    assert meaning_of(words).kind.name == name


@pytest.mark.parametrize(
    ("words", "nothing"),
    [
        ("Unauthorized", True),
        ("User not authorized", True),
        ("401 Unauthorized", True),
        ("Authentication failed.", True),
        ("no reason", True),
        ("12345", False),
        ("MPIN not set", False),
        ("Invalid segment", False),
    ],
)
def test_words_that_say_nothing(words, nothing):
    assert says_nothing(words) == nothing


@pytest.mark.parametrize("line", lines(ASIDES))
@pytest.mark.parametrize("refused", [CredentialsRejected, OtpRejected])
def test_what_a_page_says_in_passing(line, refused):
    step = Step("x", {}, press="", refused=refused)
    assert classify(line, LoginScript(()), step) is None
    assert classify(line, LoginScript(()), None) is None


OWN = (
    Meaning(OtpRejected, r"\bX12\b|wrong key"),
    Meaning(CredentialsRejected, r"purple", unless=r"fish"),
)


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ("X12: invalid PIN", OtpRejected),
        ("Wrong key for the password", OtpRejected),
        ("Purple", CredentialsRejected),
        ("Purple fish", None),
    ],
)
def test_what_a_flow_knows_of_its_broker_comes_first(words, kind):
    meant = meaning_of(words, OWN)
    assert (meant.kind if meant else None) is kind


def test_a_lock_is_one_though_a_flow_knows_the_words_for_a_code():
    meant = meaning_of("X12: too many invalid codes, too many attempts", OWN)
    assert meant.kind.name == "account_locked"


@pytest.mark.parametrize("whole", [True, False])
def test_a_form_with_several_secrets_does_not_tell_which_was_refused(whole):
    step = Step("x", {}, press="", refused=CredentialsRejected, whole=whole)
    assert (classify("Invalid details", LoginScript(()), step) is None) == whole
    assert classify("Invalid password", LoginScript(()), step).name == "credentials_rejected"
    assert classify("Invalid TOTP", LoginScript(()), step).name == "otp_rejected"


@pytest.mark.parametrize(
    ("words", "name"),
    [("Invalid PIN", "otp_rejected"), ("Invalid password", "credentials_rejected")],
)
def test_what_is_refused_after_a_code_is_the_code_unless_it_is_named(words, name):
    step = Step("x", {}, press="", refused=OtpRejected)
    assert classify(words, LoginScript(()), step).name == name


@pytest.mark.parametrize(
    ("words", "named"),
    [
        ("Invalid API key", "app"),
        ("Invalid user id", "login id"),
        ("Invalid api key or password", "password"),
        ("Unauthorized", ""),
    ],
)
def test_which_secret_words_name(words, named):
    assert named_secret(words) == named


@pytest.mark.parametrize(
    "words", ["Invalid App Code. 4 attempt(s) remain.", "Incorrect mobile app code"]
)
def test_kites_app_code_is_nothing_that_a_second_code_would_mend(words):
    script = flow_at("zerodha", "http://127.0.0.1:9").login_script(object())
    error = classify(words, script, script.steps[-1])
    assert error.name == "otp_not_available"
    assert "External TOTP" in error.hint


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("EC080", "account_locked"),
        ("EC043", "otp_not_available"),
        ("EC036", "otp_rejected"),
        ("EC016", "credentials_rejected"),
        ("EC018", "broker_unavailable"),
        ("EC055", "consent_required"),
    ],
)
def test_iifl_capitals_codes(code, name):
    script = flow_at("iiflcapital", "http://127.0.0.1:9").login_script(object())
    assert classify(f"{code}: no", script, script.steps[0]).name == name
