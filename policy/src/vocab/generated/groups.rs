//! Groups of system calls. Written by stockade-generate; do not edit.

use crate::vocab::groups::{Risk, Row};
use crate::vocab::pool::Pool;

/// Names, descriptions and reasons.
pub(in crate::vocab) static WORDS: Pool = Pool {
    text: "\
A device node reaches the driver behind it where the device controller and nodev do not forbid it.\
A new user namespace gives every capability inside it, and with them the kernel's privileged paths.\
A seldom used part of the kernel; databases are its users.\
Accepting, connecting, sending and receiving; without socket, which takes a condition\
Acts on sockets made already.\
Acts on what was opened already; what may be opened is decided elsewhere.\
All system calls which need super-user capabilitiesAlter resource settings\
As wide as all drivers together; allow single requests with a condition where that is known.\
Asks for another label of the security module.Asynchronous IO\
Asynchronous input and output, the older interface\
Attributes carry file capabilities, ACLs and labels.Basic IO\
Bounded by the memory controller and RLIMIT_MEMLOCK; writable and executable memory by MDWE.\
Bounded by the pids controller.Calls that no kernel implements any more, or that nobody should use\
Change ownership of files and directoriesChange the system time\
Changes limits, or moves files out of the project that a limit counts.\
Changes nothing but the own process.\
Changes the view that everything else relies on, and parses file systems that an attacker wrote.\
Changing extended attributesChanging the owner of filesChanging the root directory\
Changing user, groups and capabilitiesChanging what is mounted where\
Code can be executed from them past noexec mounts, and memfd_secret hides memory from the kernel.\
Concerns the own process.Connecting to addresses\
Connecting, sending and receiving; without socket, which takes a condition\
Debugging, performance monitoring and tracing functionality\
Disk quotas and the project ids they count by\
Does nothing new without CAP_SETUID, CAP_SETGID or CAP_SETPCAP; servers that drop privileges need it.\
Does nothing of use without CAP_CHOWN.Enable/disable swap devices\
Ending, waiting and telling who one is among processesEnds everything else, or replaces the kernel.\
Event loop system callsEvent loops; no authority over anything.\
Every program has them; uprobe and uretprobe work only from the kernel's own trampolines.\
Everything whose leaf group has a high or critical risk, but cloneExecuting programsExecution domain\
Facts about the system, and random numbersFile system operationsFiles that exist in memory only\
Flushing whole file systemsGeneral system service operationsHandling page faults in user space\
Handling signalsHard limits can only be lowered without CAP_SYS_RESOURCE.\
Held in by mounts, Landlock and permissions; setuid modes matter only where mounts honour them.\
Holds up every other process that opens a file of a watched mount.\
Host administration: nothing of it belongs into a containerIs the kernel afterwards.\
Issues opens, connections and more without a system call that a filter could see; many kernel bugs.\
Kernel keyring access\
Keyrings are not namespaced by container: keys of other containers of the same user can be reached.\
Keys kept in the kernelLabels of the own processLeaving and joining namespacesListing mounts\
Loading and unloading of kernel modulesLoading code into the kernelLoading programs into the kernel\
Locks and coordination between threadsLooking at files, directories and file systems\
Makes the host write out everybody's data.Making device nodes, FIFOs and sockets in the file system\
Making processes without flagsMaking processes, threads and namespacesMaking sockets\
Making, renaming and removing files, and changing modes and times\
Mapping, protecting and locking one's own memory\
Measures other processes and the kernel, and reads registers; many kernel bugs.\
Memory locking control\
Mostly harmless (names, dumpable, death signal), with a few exceptions such as PR_SET_MM.\
Mounting and unmounting of file systems\
Moves pages, other processes' too; a seldom used part of the kernel.\
Names, logs, accounting and terminals of the host\
Network or Unix socket IO, should not be needed if not network facing\
No current program needs them; what is implemented is unmaintained.Older modes of the processor\
One number for many calls, of 32-bit interfaces\
Only takes rights away; programs with a sandbox of their own need it.\
Opening and creating files by pathOpening files by handle, past their path\
Operations for changing user/group credentialsOwn limits and their use\
Owners, extended attributes and device nodesPOSIX message queues\
Paths are decided by the files section; openat2 hides its flags behind a pointer.\
Performance countersPlacing memory on NUMA nodesPorts and buses of the hardware\
Priorities and processorsPrivate calls of 32-bit ARM\
Process control, execution, namespacing operationsProcess signal handling\
Processes, threads and signals; without clone, which takes a condition\
Programs see and change what the whole kernel does.\
Raising a priority takes CAP_SYS_NICE; processors are bounded by the cpuset controller.\
Raw I/O port accessReaches processes of the same user in the same pid namespace.\
Reading and steering other processesReading clocks, sleeping, timers\
Reading, writing and changing files and directories, and watching them\
Reading, writing and copying through open descriptorsReads only.\
Reads the kernel's log or changes what the host is called and records.\
Reads what the view of the file system shows anyway.Reboot and reboot preparation/kexec\
Requests to devices, terminals and file systemsRestarting the host, and starting another kernel\
Restricting oneself furtherSchedule operations by time\
Sees only paths that can be reached; bounded per user.\
Segment tables and virtual 8086 mode: seldom used kernel code with a history of bugs.\
Sending and receiving on socketsSending signalsSetting the host's clockSettings of the own process\
Stops the kernel in the middle of a copy: makes races in the kernel easy to win.\
Swap space of the hostSynchronize files and memory to storage\
SysV IPC, POSIX Message Queues or other IPC\
System V and POSIX message queues, semaphores and shared memory\
System V message queues, semaphores and shared memorySystem calls for CPU emulation functionality\
System calls that are always permittedSystem calls used for memory protection keys\
Takes over any process of the same user; on old kernels ptrace goes around the filter.\
Taking addresses and accepting connectionsTalks to the hardware past the kernel.\
Telling user, groups and capabilitiesTells about mounts of the own namespace; young code.\
The C library needs them in every program.\
The clock is the host's: certificates, logs and leases depend on it.\
The domain decides which protocol code is reached, and may load a module; allow with a condition.\
Thread pointer and caches of the own process; every 32-bit program needs them.\
Turns off address randomisation and makes readable memory executable; allow the harmless values.\
Unusual, obsolete or unimplemented system callsWaiting for descriptors\
Watching and deciding file access of whole mountsWatching files for changes\
What Docker's default profile allows with the default capabilities, whatever the arguments\
What every dynamically linked program needs; without clone, ioctl, prctl and sockets\
Where to is decided by the network section.\
Which ones is decided by the files section; stockade itself needs execve to start the target.\
Which ports is decided by the network section; below 1024 it takes CAP_NET_BIND_SERVICE.\
With CAP_DAC_READ_SEARCH a handle opens any file of the file system, outside the container's root too.\
With CAP_SYS_CHROOT and a descriptor outside, a chroot is left again; confuses setuid programs.\
With CLONE_NEW* flags it makes namespaces: allow clone with a condition, and answer clone3 with ENOSYS.\
Within the IPC namespace.Writes everybody's memory to where the caller says.administrationaio\
arm-privatebasicbpfchrootclock-setclonecpu-emulationdangerousdebugdescriptor-iodevice-node\
docker/defaultexecfanotifyfile-attributesfile-changefile-handlefile-iofile-metadatafile-open\
file-ownerfile-watchfile-xattrforkidentityidentity-changeio-uringio_uringioctlipcipc-posixipc-sysv\
keyringkilllsmmemorymemory-filememory-policymodulemountmount-infomultiplexednamespacenetwork-client\
network-connectnetwork-ionetwork-listennetwork-serverobsoleteperfpersonalitypollprctlprivileged\
processprocess-basicquotaraw-iorebootresourcessandboxschedulersignalsocket\
socketcall and ipc carry socket and System V calls whose arguments lie behind a pointer.swapsync\
system-infosystemd/aiosystemd/basic-iosystemd/chownsystemd/clocksystemd/cpu-emulationsystemd/debug\
systemd/defaultsystemd/file-systemsystemd/io-eventsystemd/ipcsystemd/keyringsystemd/memlock\
systemd/modulesystemd/mountsystemd/network-iosystemd/obsoletesystemd/pkeysystemd/privileged\
systemd/processsystemd/raw-iosystemd/rebootsystemd/resourcessystemd/setuidsystemd/signalsystemd/swap\
systemd/syncsystemd/system-servicesystemd/timerthreadtimeuserfaultfd",
    starts: &[
        0, 0, 98, 197, 255, 340, 369, 442, 493, 516, 608, 654, 669, 719, 771, 779,
        871, 902, 969, 1010, 1032, 1102, 1138, 1234, 1262, 1289, 1316, 1354, 1384, 1481, 1506, 1529,
        1603, 1662, 1707, 1808, 1846, 1873, 1927, 1972, 1995, 2035, 2124, 2190, 2208, 2224, 2266, 2288,
        2319, 2346, 2379, 2413, 2429, 2486, 2581, 2647, 2706, 2731, 2830, 2851, 2950, 2973, 2998, 3028,
        3042, 3081, 3109, 3141, 3179, 3225, 3267, 3324, 3354, 3394, 3408, 3473, 3521, 3600, 3622, 3711,
        3750, 3818, 3867, 3936, 4003, 4031, 4078, 4147, 4181, 4221, 4267, 4291, 4335, 4355, 4436, 4456,
        4484, 4515, 4540, 4567, 4617, 4640, 4710, 4761, 4848, 4867, 4928, 4964, 4996, 5066, 5119, 5130,
        5200, 5252, 5287, 5334, 5382, 5409, 5436, 5490, 5575, 5607, 5622, 5646, 5673, 5753, 5775, 5814,
        5857, 5920, 5973, 6017, 6055, 6099, 6185, 6227, 6265, 6302, 6354, 6396, 6464, 6561, 6639, 6735,
        6782, 6805, 6854, 6880, 6970, 7054, 7097, 7190, 7278, 7380, 7475, 7578, 7603, 7654, 7668, 7671,
        7682, 7687, 7690, 7696, 7705, 7710, 7723, 7732, 7737, 7750, 7761, 7775, 7779, 7787, 7802, 7813,
        7824, 7831, 7844, 7853, 7863, 7873, 7883, 7887, 7895, 7910, 7918, 7926, 7931, 7934, 7943, 7951,
        7958, 7962, 7965, 7971, 7982, 7995, 8001, 8006, 8016, 8027, 8036, 8050, 8065, 8075, 8089, 8103,
        8111, 8115, 8126, 8130, 8135, 8145, 8152, 8165, 8170, 8176, 8182, 8191, 8198, 8207, 8213, 8219,
        8307, 8311, 8315, 8326, 8337, 8353, 8366, 8379, 8400, 8413, 8428, 8447, 8463, 8474, 8489, 8504,
        8518, 8531, 8549, 8565, 8577, 8595, 8610, 8624, 8638, 8655, 8669, 8683, 8695, 8707, 8729, 8742,
        8748, 8752, 8763,
    ],
};

/// Leaf groups, unions, foreign sets; in this order.
pub(in crate::vocab) static GROUPS: [Row; 99] = [
    Row { name: 168, about: 109, reason: 6, risk: Risk::Low, leaf: true, start: 0, count: 40 },
    Row { name: 178, about: 87, reason: 93, risk: Risk::Low, leaf: true, start: 40, count: 4 },
    Row { name: 177, about: 68, reason: 112, risk: Risk::Low, leaf: true, start: 44, count: 37 },
    Row { name: 174, about: 74, reason: 53, risk: Risk::Low, leaf: true, start: 81, count: 23 },
    Row { name: 179, about: 24, reason: 35, risk: Risk::Medium, leaf: true, start: 104, count: 7 },
    Row { name: 181, about: 23, reason: 13, risk: Risk::Medium, leaf: true, start: 111, count: 8 },
    Row { name: 169, about: 70, reason: 1, risk: Risk::Medium, leaf: true, start: 119, count: 2 },
    Row { name: 175, about: 88, reason: 152, risk: Risk::High, leaf: true, start: 121, count: 2 },
    Row { name: 180, about: 146, reason: 118, risk: Risk::Low, leaf: true, start: 123, count: 4 },
    Row { name: 172, about: 145, reason: 54, risk: Risk::High, leaf: true, start: 127, count: 2 },
    Row { name: 215, about: 33, reason: 20, risk: Risk::High, leaf: true, start: 129, count: 3 },
    Row { name: 225, about: 48, reason: 69, risk: Risk::Medium, leaf: true, start: 132, count: 2 },
    Row { name: 210, about: 144, reason: 40, risk: Risk::Low, leaf: true, start: 134, count: 17 },
    Row { name: 158, about: 12, reason: 3, risk: Risk::Medium, leaf: true, start: 151, count: 7 },
    Row { name: 185, about: 186, reason: 57, risk: Risk::Critical, leaf: true, start: 158, count: 3 },
    Row { name: 187, about: 114, reason: 9, risk: Risk::Medium, leaf: true, start: 161, count: 1 },
    Row { name: 222, about: 73, reason: 140, risk: Risk::Medium, leaf: true, start: 162, count: 2 },
    Row { name: 204, about: 120, reason: 5, risk: Risk::Low, leaf: true, start: 164, count: 14 },
    Row { name: 203, about: 30, reason: 149, risk: Risk::Low, leaf: true, start: 178, count: 1 },
    Row { name: 205, about: 134, reason: 151, risk: Risk::Low, leaf: true, start: 179, count: 4 },
    Row { name: 200, about: 85, reason: 223, risk: Risk::Medium, leaf: true, start: 183, count: 2 },
    Row { name: 194, about: 75, reason: 15, risk: Risk::Low, leaf: true, start: 185, count: 20 },
    Row { name: 195, about: 47, reason: 28, risk: Risk::Medium, leaf: true, start: 205, count: 2 },
    Row { name: 196, about: 95, reason: 80, risk: Risk::Medium, leaf: true, start: 207, count: 6 },
    Row { name: 257, about: 50, reason: 124, risk: Risk::High, leaf: true, start: 213, count: 1 },
    Row { name: 214, about: 37, reason: 41, risk: Risk::Low, leaf: true, start: 214, count: 22 },
    Row { name: 255, about: 67, reason: 138, risk: Risk::Low, leaf: true, start: 236, count: 10 },
    Row { name: 159, about: 98, reason: 141, risk: Risk::Low, leaf: true, start: 246, count: 6 },
    Row { name: 171, about: 43, reason: 150, risk: Risk::Low, leaf: true, start: 252, count: 2 },
    Row { name: 182, about: 71, reason: 16, risk: Risk::Low, leaf: true, start: 254, count: 2 },
    Row { name: 164, about: 72, reason: 154, risk: Risk::High, leaf: true, start: 256, count: 2 },
    Row { name: 201, about: 62, reason: 2, risk: Risk::Critical, leaf: true, start: 258, count: 2 },
    Row { name: 211, about: 123, reason: 78, risk: Risk::Medium, leaf: true, start: 260, count: 1 },
    Row { name: 209, about: 44, reason: 142, risk: Risk::Medium, leaf: true, start: 261, count: 1 },
    Row { name: 221, about: 51, reason: 29, risk: Risk::Low, leaf: true, start: 262, count: 17 },
    Row { name: 192, about: 121, reason: 105, risk: Risk::Low, leaf: true, start: 279, count: 6 },
    Row { name: 256, about: 107, reason: 21, risk: Risk::Low, leaf: true, start: 285, count: 25 },
    Row { name: 163, about: 122, reason: 139, risk: Risk::High, leaf: true, start: 310, count: 7 },
    Row { name: 183, about: 136, reason: 110, risk: Risk::Low, leaf: true, start: 317, count: 15 },
    Row { name: 184, about: 26, reason: 34, risk: Risk::Medium, leaf: true, start: 332, count: 19 },
    Row { name: 218, about: 90, reason: 52, risk: Risk::Low, leaf: true, start: 351, count: 5 },
    Row { name: 220, about: 97, reason: 103, risk: Risk::Low, leaf: true, start: 356, count: 19 },
    Row { name: 226, about: 45, reason: 110, risk: Risk::Low, leaf: true, start: 375, count: 5 },
    Row { name: 190, about: 129, reason: 155, risk: Risk::Low, leaf: true, start: 380, count: 13 },
    Row { name: 189, about: 92, reason: 155, risk: Risk::Low, leaf: true, start: 393, count: 8 },
    Row { name: 167, about: 106, reason: 133, risk: Risk::High, leaf: true, start: 401, count: 6 },
    Row { name: 208, about: 94, reason: 76, risk: Risk::High, leaf: true, start: 407, count: 1 },
    Row { name: 161, about: 66, reason: 102, risk: Risk::Critical, leaf: true, start: 408, count: 1 },
    Row { name: 191, about: 60, reason: 59, risk: Risk::High, leaf: true, start: 409, count: 3 },
    Row { name: 219, about: 116, reason: 86, risk: Risk::Low, leaf: true, start: 412, count: 4 },
    Row { name: 193, about: 61, reason: 10, risk: Risk::Medium, leaf: true, start: 416, count: 3 },
    Row { name: 162, about: 25, reason: 153, risk: Risk::High, leaf: true, start: 419, count: 1 },
    Row { name: 198, about: 27, reason: 22, risk: Risk::Critical, leaf: true, start: 420, count: 12 },
    Row { name: 199, about: 63, reason: 137, risk: Risk::Medium, leaf: true, start: 432, count: 2 },
    Row { name: 197, about: 65, reason: 56, risk: Risk::Critical, leaf: true, start: 434, count: 3 },
    Row { name: 217, about: 115, reason: 38, risk: Risk::Critical, leaf: true, start: 437, count: 3 },
    Row { name: 224, about: 125, reason: 156, risk: Risk::Critical, leaf: true, start: 440, count: 2 },
    Row { name: 216, about: 96, reason: 135, risk: Risk::Critical, leaf: true, start: 442, count: 5 },
    Row { name: 165, about: 84, reason: 119, risk: Risk::High, leaf: true, start: 447, count: 3 },
    Row { name: 157, about: 81, reason: 111, risk: Risk::High, leaf: true, start: 450, count: 5 },
    Row { name: 207, about: 17, reason: 83, risk: Risk::Medium, leaf: true, start: 455, count: 28 },
    Row { name: 160, about: 148, reason: 0, risk: Risk::Low, leaf: false, start: 483, count: 252 },
    Row { name: 176, about: 108, reason: 0, risk: Risk::Low, leaf: false, start: 735, count: 108 },
    Row { name: 213, about: 101, reason: 0, risk: Risk::Low, leaf: false, start: 843, count: 104 },
    Row { name: 202, about: 31, reason: 0, risk: Risk::Low, leaf: false, start: 947, count: 16 },
    Row { name: 206, about: 4, reason: 0, risk: Risk::Low, leaf: false, start: 963, count: 19 },
    Row { name: 188, about: 128, reason: 0, risk: Risk::Low, leaf: false, start: 982, count: 21 },
    Row { name: 173, about: 91, reason: 0, risk: Risk::Medium, leaf: false, start: 1003, count: 17 },
    Row { name: 212, about: 55, reason: 0, risk: Risk::Critical, leaf: false, start: 1020, count: 49 },
    Row { name: 166, about: 42, reason: 0, risk: Risk::Critical, leaf: false, start: 1069, count: 65 },
    Row { name: 233, about: 131, reason: 0, risk: Risk::Low, leaf: false, start: 1134, count: 61 },
    Row { name: 227, about: 11, reason: 0, risk: Risk::Critical, leaf: false, start: 1195, count: 10 },
    Row { name: 228, about: 14, reason: 0, risk: Risk::Low, leaf: false, start: 1205, count: 17 },
    Row { name: 229, about: 18, reason: 0, risk: Risk::Medium, leaf: false, start: 1222, count: 7 },
    Row { name: 230, about: 19, reason: 0, risk: Risk::High, leaf: false, start: 1229, count: 6 },
    Row { name: 231, about: 130, reason: 0, risk: Risk::High, leaf: false, start: 1235, count: 3 },
    Row { name: 232, about: 32, reason: 0, risk: Risk::High, leaf: false, start: 1238, count: 4 },
    Row { name: 234, about: 46, reason: 0, risk: Risk::Medium, leaf: false, start: 1242, count: 77 },
    Row { name: 235, about: 39, reason: 0, risk: Risk::Medium, leaf: false, start: 1319, count: 17 },
    Row { name: 236, about: 127, reason: 0, risk: Risk::High, leaf: false, start: 1336, count: 28 },
    Row { name: 237, about: 58, reason: 0, risk: Risk::High, leaf: false, start: 1364, count: 3 },
    Row { name: 238, about: 77, reason: 0, risk: Risk::Low, leaf: false, start: 1367, count: 5 },
    Row { name: 239, about: 64, reason: 0, risk: Risk::Critical, leaf: false, start: 1372, count: 3 },
    Row { name: 240, about: 79, reason: 0, risk: Risk::Critical, leaf: false, start: 1375, count: 12 },
    Row { name: 241, about: 82, reason: 0, risk: Risk::Medium, leaf: false, start: 1387, count: 22 },
    Row { name: 242, about: 143, reason: 0, risk: Risk::High, leaf: false, start: 1409, count: 27 },
    Row { name: 243, about: 132, reason: 0, risk: Risk::Low, leaf: false, start: 1436, count: 3 },
    Row { name: 244, about: 7, reason: 0, risk: Risk::Critical, leaf: false, start: 1439, count: 51 },
    Row { name: 245, about: 99, reason: 0, risk: Risk::Critical, leaf: false, start: 1490, count: 21 },
    Row { name: 246, about: 104, reason: 0, risk: Risk::Critical, leaf: false, start: 1511, count: 5 },
    Row { name: 247, about: 113, reason: 0, risk: Risk::Critical, leaf: false, start: 1516, count: 3 },
    Row { name: 248, about: 8, reason: 0, risk: Risk::Medium, leaf: false, start: 1519, count: 13 },
    Row { name: 249, about: 89, reason: 0, risk: Risk::Medium, leaf: false, start: 1532, count: 14 },
    Row { name: 250, about: 100, reason: 0, risk: Risk::Low, leaf: false, start: 1546, count: 14 },
    Row { name: 251, about: 36, reason: 0, risk: Risk::Critical, leaf: false, start: 1560, count: 2 },
    Row { name: 252, about: 126, reason: 0, risk: Risk::Medium, leaf: false, start: 1562, count: 6 },
    Row { name: 253, about: 49, reason: 0, risk: Risk::Critical, leaf: false, start: 1568, count: 372 },
    Row { name: 254, about: 117, reason: 0, risk: Risk::Low, leaf: false, start: 1940, count: 16 },
    Row { name: 170, about: 147, reason: 0, risk: Risk::High, leaf: false, start: 1956, count: 371 },
];

/// Members one group after the other: positions of calls.
pub(in crate::vocab) static MEMBERS: [u16; 2327] = [
        0, 12, 13, 21, 41, 42, 44, 48, 49, 50, 67, 68, 69, 79, 80, 81,
        87, 100, 102, 103, 196, 270, 271, 280, 281, 282, 294, 295, 296, 300, 301, 305,
        353, 354, 412, 427, 432, 476, 481, 482, 45, 255, 259, 260, 5, 24, 65, 66,
        72, 82, 83, 86, 95, 96, 97, 98, 99, 117, 118, 119, 150, 151, 185, 190,
        191, 192, 201, 202, 247, 250, 251, 253, 302, 303, 304, 414, 415, 416, 417, 419,
        454, 25, 73, 74, 75, 110, 186, 187, 211, 212, 315, 316, 317, 320, 424, 425,
        449, 450, 458, 459, 468, 469, 470, 471, 26, 27, 76, 77, 78, 183, 184, 89,
        91, 195, 197, 313, 314, 392, 393, 213, 214, 245, 256, 155, 156, 157, 158, 70,
        71, 84, 298, 299, 426, 428, 1, 51, 52, 53, 55, 56, 57, 59, 60, 276,
        277, 278, 290, 291, 346, 403, 404, 159, 160, 161, 162, 163, 164, 165, 166, 167,
        168, 169, 409, 411, 129, 144, 145, 307, 308, 309, 310, 311, 352, 355, 356, 357,
        388, 399, 43, 3, 4, 15, 188, 174, 410, 19, 203, 204, 210, 215, 216, 217,
        218, 219, 225, 235, 236, 241, 242, 243, 244, 273, 274, 275, 312, 207, 208, 112,
        205, 209, 224, 358, 359, 464, 11, 63, 64, 114, 130, 131, 132, 134, 143, 146,
        268, 285, 319, 361, 362, 376, 387, 461, 462, 478, 479, 480, 104, 105, 106, 107,
        108, 109, 113, 206, 321, 360, 18, 20, 115, 363, 465, 466, 61, 62, 88, 472,
        39, 40, 375, 460, 279, 266, 261, 322, 323, 324, 326, 327, 328, 329, 394, 400,
        401, 402, 405, 406, 407, 408, 413, 179, 269, 325, 330, 433, 448, 10, 31, 32,
        33, 34, 35, 36, 128, 147, 246, 374, 434, 435, 436, 437, 438, 439, 440, 441,
        442, 443, 444, 445, 446, 447, 8, 29, 30, 37, 38, 389, 420, 22, 120, 121,
        122, 123, 124, 125, 126, 127, 137, 138, 139, 140, 148, 149, 23, 365, 366, 367,
        368, 369, 370, 371, 372, 378, 379, 380, 381, 382, 383, 384, 385, 390, 391, 141,
        142, 283, 386, 452, 116, 135, 172, 173, 249, 331, 332, 333, 334, 335, 336, 337,
        338, 339, 340, 341, 342, 343, 377, 136, 252, 254, 430, 457, 237, 238, 239, 240,
        347, 348, 349, 350, 351, 395, 396, 397, 398, 227, 228, 229, 230, 231, 232, 233,
        234, 175, 267, 284, 286, 287, 292, 265, 16, 7, 178, 318, 180, 181, 182, 344,
        198, 199, 200, 28, 90, 92, 93, 94, 221, 222, 223, 257, 258, 272, 455, 456,
        189, 418, 47, 85, 154, 176, 177, 306, 422, 423, 170, 171, 262, 263, 264, 220,
        474, 475, 6, 364, 373, 431, 473, 2, 9, 14, 17, 46, 54, 58, 101, 111,
        133, 152, 153, 193, 194, 226, 248, 288, 289, 293, 297, 345, 421, 429, 451, 453,
        463, 467, 477, 0, 1, 5, 10, 11, 12, 13, 18, 19, 20, 21, 22, 24,
        31, 32, 33, 34, 35, 36, 41, 42, 44, 45, 48, 49, 50, 51, 52, 53,
        55, 56, 57, 59, 60, 61, 62, 63, 64, 65, 66, 67, 68, 69, 72, 79,
        80, 81, 82, 83, 86, 87, 88, 95, 96, 97, 98, 99, 100, 102, 103, 104,
        105, 106, 107, 108, 109, 113, 114, 115, 116, 117, 118, 119, 120, 121, 122, 123,
        124, 125, 126, 127, 128, 130, 131, 132, 134, 135, 136, 137, 138, 139, 140, 141,
        142, 143, 146, 147, 148, 149, 150, 151, 172, 173, 179, 185, 190, 191, 192, 196,
        201, 202, 203, 204, 206, 210, 215, 216, 217, 218, 219, 225, 235, 236, 241, 242,
        243, 244, 246, 247, 249, 250, 251, 252, 253, 254, 255, 259, 260, 261, 268, 269,
        270, 271, 273, 274, 275, 276, 277, 278, 280, 281, 282, 283, 285, 290, 291, 294,
        295, 296, 300, 301, 302, 303, 304, 305, 312, 319, 321, 322, 323, 324, 325, 326,
        327, 328, 329, 330, 331, 332, 333, 334, 335, 336, 337, 338, 339, 340, 341, 342,
        343, 346, 353, 354, 360, 361, 362, 363, 374, 376, 377, 386, 387, 394, 400, 401,
        402, 403, 404, 405, 406, 407, 408, 412, 413, 414, 415, 416, 417, 419, 427, 430,
        432, 433, 434, 435, 436, 437, 438, 439, 440, 441, 442, 443, 444, 445, 446, 447,
        448, 452, 454, 457, 461, 462, 465, 466, 472, 476, 478, 479, 480, 481, 482, 0,
        5, 12, 13, 21, 24, 25, 41, 42, 44, 45, 48, 49, 50, 65, 66, 67,
        68, 69, 72, 73, 74, 75, 79, 80, 81, 82, 83, 86, 87, 95, 96, 97,
        98, 99, 100, 102, 103, 110, 117, 118, 119, 150, 151, 155, 156, 157, 158, 185,
        186, 187, 190, 191, 192, 196, 201, 202, 211, 212, 247, 250, 251, 253, 255, 259,
        260, 270, 271, 280, 281, 282, 294, 295, 296, 300, 301, 302, 303, 304, 305, 315,
        316, 317, 320, 353, 354, 412, 414, 415, 416, 417, 419, 424, 425, 427, 432, 449,
        450, 454, 458, 459, 468, 469, 470, 471, 476, 481, 482, 11, 18, 20, 22, 61,
        62, 63, 64, 88, 104, 105, 106, 107, 108, 109, 113, 114, 115, 116, 120, 121,
        122, 123, 124, 125, 126, 127, 130, 131, 132, 134, 135, 137, 138, 139, 140, 141,
        142, 143, 146, 148, 149, 172, 173, 179, 206, 249, 261, 268, 269, 283, 285, 319,
        321, 322, 323, 324, 325, 326, 327, 328, 329, 330, 331, 332, 333, 334, 335, 336,
        337, 338, 339, 340, 341, 342, 343, 360, 361, 362, 363, 376, 377, 386, 387, 394,
        400, 401, 402, 405, 406, 407, 408, 413, 433, 448, 452, 461, 462, 465, 466, 472,
        478, 479, 480, 15, 43, 129, 144, 145, 307, 308, 309, 310, 311, 352, 355, 356,
        357, 388, 399, 3, 4, 15, 43, 129, 144, 145, 188, 307, 308, 309, 310, 311,
        352, 355, 356, 357, 388, 399, 227, 228, 229, 230, 231, 232, 233, 234, 237, 238,
        239, 240, 347, 348, 349, 350, 351, 395, 396, 397, 398, 26, 27, 76, 77, 78,
        89, 91, 183, 184, 195, 197, 213, 214, 313, 314, 392, 393, 6, 8, 16, 28,
        29, 30, 37, 38, 47, 70, 71, 84, 85, 90, 92, 93, 94, 154, 170, 171,
        176, 177, 221, 222, 223, 245, 256, 257, 258, 262, 263, 264, 265, 272, 298, 299,
        306, 364, 373, 375, 389, 420, 422, 423, 431, 455, 456, 460, 473, 6, 7, 8,
        16, 28, 29, 30, 37, 38, 47, 70, 71, 84, 85, 90, 92, 93, 94, 154,
        166, 167, 168, 170, 171, 175, 176, 177, 178, 220, 221, 222, 223, 245, 256, 257,
        258, 262, 263, 264, 265, 267, 272, 284, 286, 287, 292, 298, 299, 306, 318, 364,
        373, 375, 389, 420, 422, 423, 431, 455, 456, 460, 464, 473, 474, 475, 11, 19,
        20, 31, 32, 33, 34, 35, 36, 61, 63, 64, 104, 106, 108, 113, 114, 120,
        121, 122, 123, 124, 125, 126, 127, 130, 131, 132, 134, 136, 137, 138, 139, 140,
        141, 143, 146, 147, 148, 149, 206, 218, 219, 225, 244, 246, 261, 283, 319, 321,
        326, 333, 343, 360, 361, 362, 363, 407, 434, 452, 462, 159, 160, 161, 162, 163,
        164, 165, 166, 167, 168, 0, 41, 42, 48, 49, 50, 196, 280, 281, 282, 294,
        295, 296, 300, 305, 481, 482, 26, 27, 76, 77, 78, 183, 184, 8, 29, 30,
        37, 38, 389, 220, 474, 475, 194, 265, 267, 292, 5, 24, 25, 41, 45, 65,
        66, 69, 72, 73, 74, 75, 79, 80, 82, 86, 89, 91, 95, 96, 97, 98,
        99, 102, 103, 110, 117, 118, 119, 150, 155, 156, 157, 158, 185, 186, 187, 190,
        192, 195, 197, 201, 202, 211, 212, 213, 214, 247, 250, 251, 253, 255, 259, 260,
        303, 304, 313, 315, 316, 317, 320, 392, 414, 415, 416, 417, 419, 424, 425, 449,
        450, 458, 459, 468, 469, 470, 471, 1, 51, 52, 53, 54, 55, 56, 57, 58,
        59, 60, 276, 277, 278, 290, 291, 346, 174, 207, 227, 228, 229, 230, 231, 232,
        233, 234, 237, 238, 239, 240, 270, 271, 284, 286, 287, 347, 348, 349, 350, 351,
        395, 396, 397, 398, 7, 178, 318, 215, 216, 217, 242, 243, 47, 85, 154, 28,
        90, 92, 93, 94, 221, 222, 223, 257, 272, 455, 456, 3, 4, 15, 43, 129,
        144, 145, 188, 307, 308, 309, 310, 311, 352, 355, 356, 357, 388, 399, 409, 410,
        411, 2, 9, 14, 17, 46, 101, 111, 133, 152, 153, 193, 226, 288, 289, 293,
        297, 345, 394, 413, 420, 421, 429, 451, 453, 463, 467, 477, 273, 274, 275, 2,
        6, 8, 16, 23, 26, 27, 28, 29, 30, 37, 38, 47, 70, 71, 76, 77,
        78, 85, 154, 170, 171, 176, 177, 183, 184, 248, 256, 262, 263, 264, 272, 298,
        299, 306, 364, 367, 368, 371, 372, 373, 382, 383, 384, 385, 389, 390, 391, 422,
        423, 473, 22, 39, 40, 62, 88, 142, 179, 268, 269, 279, 325, 330, 375, 433,
        447, 448, 460, 472, 478, 479, 480, 170, 171, 262, 263, 264, 176, 177, 306, 173,
        205, 209, 224, 249, 339, 340, 341, 342, 358, 359, 377, 386, 369, 370, 371, 372,
        378, 379, 380, 381, 382, 383, 384, 385, 390, 391, 322, 323, 324, 327, 328, 329,
        400, 401, 402, 403, 404, 405, 406, 408, 422, 423, 81, 100, 241, 426, 427, 428,
        0, 1, 3, 4, 5, 7, 10, 11, 12, 15, 19, 20, 22, 23, 24, 25,
        26, 27, 31, 32, 33, 34, 35, 36, 39, 40, 41, 42, 43, 44, 45, 48,
        49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 63, 64,
        65, 66, 67, 68, 69, 72, 73, 74, 75, 76, 77, 78, 79, 80, 81, 82,
        86, 87, 88, 89, 91, 95, 96, 97, 98, 99, 100, 102, 103, 104, 106, 108,
        110, 112, 113, 114, 116, 117, 118, 119, 120, 121, 122, 123, 124, 125, 126, 127,
        128, 129, 130, 131, 132, 134, 135, 136, 137, 138, 139, 140, 141, 142, 143, 144,
        145, 146, 147, 148, 149, 150, 155, 156, 157, 158, 159, 160, 161, 162, 163, 164,
        165, 166, 167, 168, 169, 172, 173, 174, 175, 178, 179, 183, 184, 185, 186, 187,
        188, 190, 192, 195, 196, 197, 201, 202, 203, 205, 206, 207, 209, 211, 212, 213,
        214, 215, 216, 217, 218, 219, 224, 225, 227, 228, 229, 230, 231, 232, 233, 234,
        235, 237, 238, 239, 240, 241, 242, 243, 244, 245, 246, 247, 249, 250, 251, 252,
        253, 254, 255, 259, 260, 261, 266, 268, 269, 270, 271, 276, 277, 278, 279, 280,
        281, 282, 283, 284, 286, 287, 290, 291, 294, 295, 296, 300, 301, 302, 303, 304,
        305, 307, 308, 309, 310, 311, 312, 313, 315, 316, 317, 318, 319, 320, 321, 322,
        323, 324, 325, 326, 327, 328, 329, 330, 331, 332, 333, 334, 335, 336, 337, 338,
        339, 340, 341, 342, 343, 346, 347, 348, 349, 350, 351, 352, 353, 354, 355, 356,
        357, 358, 359, 360, 361, 362, 363, 365, 366, 367, 368, 369, 370, 371, 372, 374,
        375, 376, 377, 378, 379, 380, 381, 382, 383, 384, 385, 386, 387, 388, 390, 391,
        392, 395, 396, 397, 398, 399, 400, 401, 402, 403, 404, 405, 406, 407, 408, 409,
        410, 411, 412, 414, 415, 416, 417, 419, 424, 425, 426, 427, 428, 430, 432, 433,
        434, 435, 436, 437, 438, 439, 440, 441, 442, 443, 444, 445, 446, 447, 448, 449,
        450, 452, 454, 457, 458, 459, 460, 462, 464, 468, 469, 470, 471, 472, 476, 478,
        479, 480, 481, 482, 10, 128, 374, 435, 436, 437, 438, 439, 440, 441, 442, 443,
        444, 445, 446, 447, 0, 1, 3, 4, 5, 8, 10, 11, 12, 13, 15, 18,
        19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34,
        35, 36, 41, 42, 43, 44, 45, 48, 49, 50, 51, 52, 53, 54, 55, 56,
        57, 58, 59, 60, 61, 62, 63, 64, 65, 66, 67, 68, 69, 71, 72, 73,
        74, 75, 76, 77, 78, 79, 80, 81, 82, 86, 87, 88, 89, 91, 95, 96,
        97, 98, 99, 100, 102, 103, 104, 105, 106, 107, 108, 109, 110, 113, 114, 116,
        117, 118, 119, 120, 121, 122, 123, 124, 125, 126, 127, 128, 129, 130, 131, 132,
        134, 135, 136, 137, 138, 139, 140, 141, 142, 143, 144, 145, 146, 147, 148, 149,
        150, 151, 155, 156, 157, 158, 159, 160, 161, 162, 163, 164, 165, 169, 172, 173,
        174, 179, 180, 181, 182, 183, 184, 185, 186, 187, 188, 189, 190, 191, 192, 195,
        196, 197, 201, 202, 203, 204, 206, 207, 208, 210, 211, 212, 213, 214, 215, 216,
        217, 218, 219, 220, 225, 227, 228, 229, 230, 231, 232, 233, 234, 235, 236, 237,
        238, 239, 240, 241, 242, 243, 244, 245, 246, 247, 255, 259, 260, 261, 268, 269,
        270, 271, 273, 274, 275, 276, 277, 278, 279, 280, 281, 282, 283, 285, 286, 287,
        290, 291, 292, 294, 295, 296, 300, 301, 303, 304, 305, 307, 308, 309, 310, 311,
        312, 313, 314, 315, 316, 317, 319, 320, 321, 322, 323, 324, 325, 326, 327, 328,
        329, 330, 331, 332, 333, 334, 335, 336, 337, 338, 339, 340, 341, 342, 343, 344,
        346, 347, 348, 349, 350, 351, 352, 353, 354, 355, 356, 357, 360, 361, 362, 363,
        365, 366, 367, 368, 369, 370, 371, 372, 374, 376, 377, 378, 379, 380, 381, 382,
        383, 384, 385, 386, 387, 388, 390, 391, 392, 393, 395, 396, 397, 398, 399, 401,
        403, 404, 406, 407, 410, 411, 412, 414, 415, 416, 417, 418, 419, 424, 425, 426,
        427, 428, 430, 432, 433, 434, 435, 436, 437, 438, 439, 440, 441, 442, 443, 444,
        445, 446, 447, 448, 449, 450, 452, 454, 457, 458, 459, 462, 468, 469, 470, 471,
        472, 476, 478, 479, 480, 481, 482,
    ];
