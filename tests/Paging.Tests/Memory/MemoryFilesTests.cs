using System.Text;
using FsCheck;
using FsCheck.Fluent;
using Paging.Memory;
using Paging.Tests.Model;
using Paging.Tests.Swap.Devices;

namespace Paging.Tests.Memory;

/// <summary>The files in which Linux tells of memory: as they are, and as they should not be.</summary>
public sealed class MemoryFilesTests
{
    private const long GiB = 1L << 30;

    [Theory]
    [InlineData("max\n", long.MaxValue)]
    [InlineData("max", long.MaxValue)]
    [InlineData("9223372036854771712\n", long.MaxValue)]     // version 1: no limit
    [InlineData("536870912\n", 536870912L)]
    [InlineData("0\n", 0L)]
    [InlineData("", null)]
    [InlineData("\n", null)]
    [InlineData("-1\n", null)]
    [InlineData("12 34\n", null)]
    [InlineData("12k\n", null)]
    [InlineData("maximum\n", null)]
    [InlineData("99999999999999999999999\n", null)]
    [InlineData("\u0000\u0001\u00ff", null)]
    public void Numbers(string text, long? expected) => Assert.Equal(expected, MemoryFiles.Number(Encoding.UTF8.GetBytes(text)));

    [Theory]
    [InlineData("MemTotal:       24684096 kB\nMemFree:        21591176 kB\nMemAvailable:   23456512 kB\n", "MemAvailable", 23456512L << 10)]
    [InlineData("anon 4096\nfile 8192\ninactive_file 12288\nactive_file 1\n", "inactive_file", 12288L)]
    [InlineData("total_inactive_file 7\ninactive_file 12288\n", "inactive_file", 12288L)]
    [InlineData("inactive_file", "inactive_file", null)]
    [InlineData("inactive_file \n", "inactive_file", null)]
    [InlineData("inactive_file x\n", "inactive_file", null)]
    [InlineData("inactive_file -5\n", "inactive_file", null)]
    [InlineData("inactive_filed 5\n", "inactive_file", null)]
    [InlineData("MemAvailable:   9223372036854775807 kB\n", "MemAvailable", null)]
    [InlineData("", "MemAvailable", null)]
    public void Fields(string text, string key, long? expected) =>
        Assert.Equal(expected, MemoryFiles.Field(Encoding.UTF8.GetBytes(text), Encoding.UTF8.GetBytes(key)));

    [Theory]
    [InlineData("some avg10=0.00 avg60=0.00 avg300=0.00 total=0\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n", 0.0)]
    [InlineData("some avg10=12.34 avg60=5.00 avg300=1.00 total=123\nfull avg10=99.00 avg60=0.00 avg300=0.00 total=0\n", 12.34)]
    [InlineData("full avg10=1.00 avg60=0.00 avg300=0.00 total=0\n", null)]
    [InlineData("some avg10=-1.00 avg60=0\n", null)]
    [InlineData("some avg10=101 avg60=0\n", null)]
    [InlineData("some avg10=NaN avg60=0\n", null)]
    [InlineData("some avg10=1.5x avg60=0\n", null)]
    [InlineData("some avg10=\n", null)]
    [InlineData("", null)]
    public void Pressures(string text, double? expected) => Assert.Equal(expected, MemoryFiles.Pressure(Encoding.UTF8.GetBytes(text)));

    [Theory]
    [InlineData("0::/user.slice/a.scope\n", null, "/user.slice/a.scope")]
    [InlineData("0::/\n", null, "")]
    [InlineData("9:name=systemd:/\n4:memory:/docker/abc\n0::/\n", "memory", "/docker/abc")]
    [InlineData("4:cpu,memory:/a:b\n", "memory", "/a:b")]
    [InlineData("4:memory:/docker/abc\n", null, null)]
    [InlineData("0::/../../etc\n", null, null)]
    [InlineData("0::/a/./b\n", null, null)]
    [InlineData("0::relative\n", null, null)]
    [InlineData("0:", null, null)]
    [InlineData("", "memory", null)]
    public void Cgroups(string text, string? controller, string? expected) =>
        Assert.Equal(expected, MemoryFiles.Cgroup(Encoding.UTF8.GetBytes(text), controller));

    [Fact]
    public void Any_bytes_are_read_without_an_exception()
    {
        string[] words =
            ["max", "some avg10=", "0::/", "4:memory:/", "MemAvailable:", " kB", "\n", ":", "/", "..", "9999999999999999999", "1", ".5", "é"];
        Gen<byte[]> text = Gen.Select(Gen.ArrayOf(Gen.OneOf(Gen.Elements(words), Gen.Select(Gen.Choose(0, 255), value => ((char)value).ToString()))),
            parts => Encoding.UTF8.GetBytes(string.Concat(parts)));
        Seeded.Check(300, text, static _ => [], static bytes =>
        {
            Assert.True(MemoryFiles.Number(bytes) is null or >= 0);
            Assert.True(MemoryFiles.Field(bytes, "MemAvailable"u8) is null or >= 0);
            Assert.True(MemoryFiles.Pressure(bytes) is null or (>= 0 and <= 100));
            Assert.True(MemoryFiles.Cgroup(bytes, null) is null or "" || MemoryFiles.Cgroup(bytes, null)![0] == '/');
        });
    }

    [Fact]
    public void The_least_that_any_cgroup_or_the_system_has_left_counts()
    {
        using var root = new TemporaryDirectory();
        Put(root, "proc/meminfo", "MemTotal: 16777216 kB\nMemAvailable: 12582912 kB\n");
        Put(root, "proc/pressure/memory", "some avg10=1.00 avg60=0 avg300=0 total=0\n");
        AssertReads(root, 12 * GiB, 16 * GiB, 1);

        Put(root, "proc/self/cgroup", "0::/pod/box\n");
        Put(root, "sys/fs/cgroup/pod/box/memory.max", "max\n");
        Put(root, "sys/fs/cgroup/pod/box/memory.current", "1073741824\n");
        Put(root, "sys/fs/cgroup/pod/box/memory.pressure", "some avg10=7.50 avg60=0 avg300=0 total=0\n");
        AssertReads(root, 12 * GiB, 16 * GiB, 7.5);

        Put(root, "sys/fs/cgroup/pod/memory.max", "4294967296\n");
        Put(root, "sys/fs/cgroup/pod/memory.current", "3221225472\n");
        AssertReads(root, GiB, 4 * GiB, 7.5);
        Put(root, "sys/fs/cgroup/pod/memory.stat", "anon 1\ninactive_file 536870912\n");
        AssertReads(root, GiB + (GiB / 2), 4 * GiB, 7.5);

        Put(root, "sys/fs/cgroup/pod/box/memory.high", "1073741824\n");
        AssertReads(root, 0, GiB, 7.5);
        Put(root, "sys/fs/cgroup/pod/box/memory.current", "2147483648\n");
        AssertReads(root, 0, GiB, 7.5);
        Put(root, "sys/fs/cgroup/pod/box/memory.high", "rubbish\n");
        AssertReads(root, GiB + (GiB / 2), 4 * GiB, 7.5);
    }

    [Fact]
    public void Limits_of_the_first_version_count_too()
    {
        using var root = new TemporaryDirectory();
        Put(root, "proc/meminfo", "MemTotal: 16777216 kB\nMemAvailable: 12582912 kB\n");
        Put(root, "proc/self/cgroup", "4:memory:/docker/abc\n0::/\n");
        Put(root, "sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
        Put(root, "sys/fs/cgroup/memory/memory.usage_in_bytes", "5\n");
        AssertReads(root, 12 * GiB, 16 * GiB, 0);

        // In a container its own cgroup is mounted as the root, and the path leads nowhere.
        Put(root, "sys/fs/cgroup/memory/memory.limit_in_bytes", "2147483648\n");
        Put(root, "sys/fs/cgroup/memory/memory.usage_in_bytes", "1073741824\n");
        Put(root, "sys/fs/cgroup/memory/memory.stat", "inactive_file 99\ntotal_inactive_file 1048576\n");
        AssertReads(root, GiB + (1 << 20), 2 * GiB, 0);
    }

    [Fact]
    public void Where_nothing_is_to_be_read_nothing_is_known_but_what_the_collector_says()
    {
        using var root = new TemporaryDirectory();
        Assert.False(new SystemMemory(root.Path, withCollector: false).TryRead(out _));
        Assert.True(new SystemMemory(root.Path).TryRead(out MemoryReading reading));
        Assert.True(reading is { LeftBytes: >= 0, TotalBytes: > 0, Pressure: 0 }, reading.ToString());
        Assert.True(new SystemMemory().TryRead(out reading));
        Assert.True(reading.LeftBytes <= reading.TotalBytes, reading.ToString());
    }

    private static void AssertReads(TemporaryDirectory root, long left, long total, double pressure)
    {
        Assert.True(new SystemMemory(root.Path, withCollector: false).TryRead(out MemoryReading reading));
        Assert.Equal(new MemoryReading(left, total, pressure), reading);
    }

    private static void Put(TemporaryDirectory root, string path, string text)
    {
        string full = Path.Combine(root.Path, path);
        Directory.CreateDirectory(Path.GetDirectoryName(full)!);
        File.WriteAllText(full, text);
    }
}
