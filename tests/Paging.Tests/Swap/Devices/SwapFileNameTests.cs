using System.Reflection;
using Paging.Swap.Devices;

namespace Paging.Tests.Swap.Devices;

/// <summary>The names that swap files have for a moment where a file system knows none without.</summary>
public sealed class SwapFileNameTests
{
    [Fact]
    public void Names_differ_and_are_hidden()
    {
        string[] names = [.. Enumerable.Range(0, 100).Select(_ => SwapFileBirth.DrawName("/"))];
        Assert.Distinct(names);
        Assert.All(names, name => Assert.Matches("^\\.paging-[0-9a-f]{32}$", name));
    }

    [Fact]
    public void A_file_with_a_name_is_made_where_others_cannot_be()
    {
        using var directory = new TemporaryDirectory();
        using IoEngine engine = IoEngine.Create(IoEngineKind.Threads);
        using var file = DirectFile.Open(directory.Path, 1 << 20, engine, FileAbilities.All & ~FileAbilities.Unnamed);
        Assert.Empty(Directory.GetFileSystemEntries(directory.Path));
    }

    /// <summary>A file that nobody encrypts must not need OpenSSL.</summary>
    [Fact]
    public void Nothing_on_the_way_to_a_plain_file_calls_cryptography()
    {
        foreach (Type type in (Type[])[typeof(SwapFileBirth), typeof(DirectFile), typeof(SwapFileErrors)])
        {
            foreach (MethodBase method in type.GetMethods(
                BindingFlags.Static | BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly))
                Assert.DoesNotContain(Called(method), called => called?.StartsWith("System.Security.Cryptography", StringComparison.Ordinal) == true);
        }
    }

    /// <summary>The name spaces of what a method calls, and of what only looks like a call in its bytes.</summary>
    private static IEnumerable<string?> Called(MethodBase method)
    {
        byte[] code = method.GetMethodBody()?.GetILAsByteArray() ?? [];
        for (int i = 0; i + 4 < code.Length; i++)
        {
            // call, callvirt
            if (code[i] is not (0x28 or 0x6F))
                continue;
            string? found = null;
            try
            {
                found = method.Module.ResolveMethod(BitConverter.ToInt32(code, i + 1))?.DeclaringType?.Namespace;
            }
            catch (ArgumentException)
            {
            }
            catch (BadImageFormatException)
            {
            }

            yield return found;
        }
    }
}
