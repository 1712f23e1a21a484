# A hospital's gateway as a task of Windows that starts with the PC. See docs/how-to/install-a-gateway.md.
# Run as an administrator. The account should be one of its own, which may read nothing but the gateway's folder.
param(
    [Parameter(Mandatory)] [string] $Gateway,
    [string] $Program = "$env:ProgramFiles\radcommons\Scripts\radcommons.exe",
    [string] $Account = "NT AUTHORITY\LOCAL SERVICE",
    [int] $DimsePort = 11112
)
$ErrorActionPreference = "Stop"

# Only the account, the system and administrators may open the folder: the store's key lies in it.
icacls $Gateway /inheritance:r /grant "${Account}:(OI)(CI)M" "SYSTEM:(OI)(CI)F" "BUILTIN\Administrators:(OI)(CI)F" | Out-Null

$arguments = "site serve `"$Gateway`" --dimse-port $DimsePort --dimse-host 0.0.0.0"
$action = New-ScheduledTaskAction -Execute $Program -Argument $arguments
$trigger = New-ScheduledTaskTrigger -AtStartup
$settings = New-ScheduledTaskSettingsSet -RestartCount 999 -RestartInterval (New-TimeSpan -Minutes 1) `
    -ExecutionTimeLimit ([TimeSpan]::Zero) -AllowStartIfOnBatteries -DontStopIfGoingOnBatteries
$principal = New-ScheduledTaskPrincipal -UserId $Account -LogonType ServiceAccount
Register-ScheduledTask -TaskName "radcommons gateway" -Action $action -Trigger $trigger -Settings $settings `
    -Principal $principal -Force | Out-Null
New-NetFirewallRule -DisplayName "radcommons gateway (DICOM)" -Direction Inbound -Protocol TCP `
    -LocalPort $DimsePort -Action Allow -Profile Domain | Out-Null
Start-ScheduledTask -TaskName "radcommons gateway"
