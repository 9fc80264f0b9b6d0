using System.Collections.Immutable;
using System.Reflection;
using System.Reflection.Emit;
using System.Reflection.Metadata;
using System.Reflection.Metadata.Ecma335;
using System.Reflection.PortableExecutable;

namespace Paging.Tests.Architecture;

/// <summary>Which types of an assembly refer to which: bases, constraints, attributes, fields, signatures, locals, what is caught, every
/// token in code; and the namespaces that the files import, as constants leave no trace in code.</summary>
internal sealed class TypeUses
{
    private static readonly Dictionary<ushort, OperandType> s_operands = typeof(OpCodes).GetFields(BindingFlags.Public | BindingFlags.Static)
        .Select(field => (OpCode)field.GetValue(null)!).ToDictionary(code => (ushort)code.Value, code => code.OperandType);

    private readonly HashSet<TypeUse> _uses = [];
    private readonly PEReader _file;
    private readonly MetadataReader _types;
    private readonly MetadataReader _symbols;
    private readonly SourceFolders _folders;
    private readonly Dictionary<string, string> _namespaces = [];
    private readonly Dictionary<string, string> _assemblies;
    private readonly Collector _collector;
    private TypeDefinitionHandle _type;
    private string _member = string.Empty;

    private TypeUses(PEReader file, MetadataReader symbols, string root, Dictionary<string, string> assemblies)
    {
        _file = file;
        _types = file.GetMetadataReader();
        _symbols = symbols;
        _folders = new SourceFolders(_types, symbols, root);
        _assemblies = assemblies;
        _collector = new Collector(this);
        foreach (TypeDefinitionHandle type in _types.TypeDefinitions)
        {
            if (_folders.Of(type) is { } folder && NamespaceOf(type) is { Length: > 0 } name)
            {
                // The face and the contract share one, which everybody sees without an import.
                _namespaces.TryAdd(name, folder);
            }
        }
    }

    internal IReadOnlyCollection<TypeUse> All => _uses;

    /// <summary>Types that stand in no folder of interest, but for what the compiler has made by itself.</summary>
    internal List<string> Unplaced { get; } = [];

    /// <summary>All of an assembly.</summary>
    /// <param name="assembly">The file. Its symbols lie beside it.</param>
    /// <param name="root">The folder that the folders of interest lie in, with slashes around it.</param>
    /// <param name="assemblies">Other assemblies that count as folders, by the names that they have then.</param>
    internal static TypeUses Of(string assembly, string root, params IEnumerable<(string Assembly, string Folder)> assemblies)
    {
        using var file = new PEReader(File.OpenRead(assembly));
        using MetadataReaderProvider symbols = MetadataReaderProvider.FromPortablePdbStream(File.OpenRead(Path.ChangeExtension(assembly, ".pdb")));
        var uses = new TypeUses(file, symbols.GetMetadataReader(), root, assemblies.ToDictionary(other => other.Assembly, other => other.Folder));
        uses.Collect();
        return uses;
    }

    private void Collect()
    {
        foreach (TypeDefinitionHandle handle in _types.TypeDefinitions)
        {
            TypeDefinition type = _types.GetTypeDefinition(handle);
            if (_folders.Of(handle) is null)
            {
                if (type.GetDeclaringType().IsNil && NamespaceOf(handle).StartsWith(nameof(Paging), StringComparison.Ordinal))
                {
                    Unplaced.Add(NameOf(handle));
                }

                continue;
            }

            _type = handle;
            _member = "(itself)";
            Add(type.BaseType);
            AddAttributes(type.GetCustomAttributes());
            AddConstraints(type.GetGenericParameters());
            foreach (InterfaceImplementationHandle implementation in type.GetInterfaceImplementations())
            {
                Add(_types.GetInterfaceImplementation(implementation).Interface);
            }

            foreach (FieldDefinitionHandle fieldHandle in type.GetFields())
            {
                FieldDefinition field = _types.GetFieldDefinition(fieldHandle);
                _member = _types.GetString(field.Name);
                field.DecodeSignature(_collector, null);
                AddAttributes(field.GetCustomAttributes());
            }

            foreach (PropertyDefinitionHandle property in type.GetProperties())
            {
                _member = _types.GetString(_types.GetPropertyDefinition(property).Name);
                AddAttributes(_types.GetPropertyDefinition(property).GetCustomAttributes());
            }

            foreach (MethodDefinitionHandle method in type.GetMethods())
            {
                Collect(method);
            }
        }
    }

    private void Collect(MethodDefinitionHandle handle)
    {
        MethodDefinition method = _types.GetMethodDefinition(handle);
        _member = _types.GetString(method.Name);
        method.DecodeSignature(_collector, null);
        AddAttributes(method.GetCustomAttributes());
        AddConstraints(method.GetGenericParameters());
        AddImports(handle);
        if (method.RelativeVirtualAddress == 0)
        {
            return;
        }

        MethodBodyBlock body = _file.GetMethodBody(method.RelativeVirtualAddress);
        Add(body.LocalSignature);
        foreach (ExceptionRegion region in body.ExceptionRegions)
        {
            Add(region.CatchType);
        }

        BlobReader code = body.GetILReader();
        while (code.RemainingBytes != 0)
        {
            ushort value = code.ReadByte();
            OperandType operand = s_operands[value == 0xFE ? (ushort)(0xFE00 | code.ReadByte()) : value];
            switch (operand)
            {
                case OperandType.InlineField or OperandType.InlineMethod or OperandType.InlineSig or OperandType.InlineTok or OperandType.InlineType:
                    Add(MetadataTokens.EntityHandle(code.ReadInt32()));
                    break;
                case OperandType.InlineSwitch:
                    int targets = code.ReadInt32();
                    code.Offset += 4 * targets;
                    break;
                default:
                    code.Offset += Length(operand);
                    break;
            }
        }
    }

    private static int Length(OperandType operand) => operand switch
    {
        OperandType.InlineNone => 0,
        OperandType.ShortInlineBrTarget or OperandType.ShortInlineI or OperandType.ShortInlineVar => 1,
        OperandType.InlineVar => 2,
        OperandType.InlineI8 or OperandType.InlineR => 8,
        _ => 4,
    };

    private void AddConstraints(GenericParameterHandleCollection parameters)
    {
        foreach (GenericParameterHandle parameter in parameters)
        {
            foreach (GenericParameterConstraintHandle constraint in _types.GetGenericParameter(parameter).GetConstraints())
            {
                Add(_types.GetGenericParameterConstraint(constraint).Type);
            }
        }
    }

    private void AddAttributes(CustomAttributeHandleCollection attributes)
    {
        foreach (CustomAttributeHandle attribute in attributes)
        {
            Add(_types.GetCustomAttribute(attribute).Constructor);
        }
    }

    private void AddImports(MethodDefinitionHandle method)
    {
        foreach (LocalScopeHandle scope in _symbols.GetLocalScopes(method))
        {
            for (ImportScopeHandle handle = _symbols.GetLocalScope(scope).ImportScope; !handle.IsNil; handle = _symbols.GetImportScope(handle).Parent)
            {
                foreach (ImportDefinition import in _symbols.GetImportScope(handle).GetImports())
                {
                    if (import.Kind == ImportDefinitionKind.ImportNamespace)
                    {
                        BlobReader text = _symbols.GetBlobReader(import.TargetNamespace);
                        string name = text.ReadUTF8(text.Length);
                        if (_namespaces.TryGetValue(name, out string? folder))
                        {
                            Put(name, folder);
                        }
                    }
                }
            }
        }
    }

    private void Add(EntityHandle handle)
    {
        if (handle.IsNil)
        {
            return;
        }

        switch (handle.Kind)
        {
            case HandleKind.TypeDefinition:
                Put((TypeDefinitionHandle)handle);
                break;
            case HandleKind.TypeReference:
                Put((TypeReferenceHandle)handle);
                break;
            case HandleKind.TypeSpecification:
                _types.GetTypeSpecification((TypeSpecificationHandle)handle).DecodeSignature(_collector, null);
                break;
            case HandleKind.FieldDefinition:
                Put(_types.GetFieldDefinition((FieldDefinitionHandle)handle).GetDeclaringType());
                break;
            case HandleKind.MethodDefinition:
                Put(_types.GetMethodDefinition((MethodDefinitionHandle)handle).GetDeclaringType());
                break;
            case HandleKind.MemberReference:
                Add((MemberReferenceHandle)handle);
                break;
            case HandleKind.MethodSpecification:
                MethodSpecification method = _types.GetMethodSpecification((MethodSpecificationHandle)handle);
                method.DecodeSignature(_collector, null);
                Add(method.Method);
                break;
            case HandleKind.StandaloneSignature:
                Add((StandaloneSignatureHandle)handle);
                break;
            default:
                throw new InvalidOperationException($"{_member} holds a {handle.Kind}, which this reader does not know.");
        }
    }

    private void Add(MemberReferenceHandle handle)
    {
        MemberReference member = _types.GetMemberReference(handle);
        Add(member.Parent);
        if (member.GetKind() == MemberReferenceKind.Field)
        {
            member.DecodeFieldSignature(_collector, null);
        }
        else
        {
            member.DecodeMethodSignature(_collector, null);
        }
    }

    private void Add(StandaloneSignatureHandle handle)
    {
        if (handle.IsNil)
        {
            return;
        }

        StandaloneSignature signature = _types.GetStandaloneSignature(handle);
        if (signature.GetKind() == StandaloneSignatureKind.LocalVariables)
        {
            signature.DecodeLocalSignature(_collector, null);
        }
        else
        {
            signature.DecodeMethodSignature(_collector, null);
        }
    }

    private void Put(TypeDefinitionHandle target)
    {
        if (_folders.Of(target) is { } folder)
        {
            Put(NameOf(target), folder);
        }
    }

    private void Put(TypeReferenceHandle handle)
    {
        TypeReference target = _types.GetTypeReference(handle);
        TypeReference outer = target;
        while (outer.ResolutionScope.Kind == HandleKind.TypeReference)
        {
            outer = _types.GetTypeReference((TypeReferenceHandle)outer.ResolutionScope);
        }

        if (outer.ResolutionScope.Kind == HandleKind.AssemblyReference)
        {
            AssemblyReference assembly = _types.GetAssemblyReference((AssemblyReferenceHandle)outer.ResolutionScope);
            if (_assemblies.TryGetValue(_types.GetString(assembly.Name), out string? folder))
            {
                Put(_types.GetString(target.Name), folder);
            }
        }
    }

    private void Put(string target, string folder) => _uses.Add(new TypeUse($"{NameOf(_type)}.{_member}", _folders.Of(_type)!, target, folder));

    private string NameOf(TypeDefinitionHandle handle)
    {
        TypeDefinition type = _types.GetTypeDefinition(handle);
        string name = _types.GetString(type.Name);
        return type.GetDeclaringType() is { IsNil: false } outer ? $"{NameOf(outer)}.{name}" : name;
    }

    private string NamespaceOf(TypeDefinitionHandle handle) => _types.GetString(_types.GetTypeDefinition(handle).Namespace);

    /// <summary>Hands every type that a signature names to its owner.</summary>
    private sealed class Collector(TypeUses uses) : ISignatureTypeProvider<bool, object?>
    {
        public bool GetTypeFromDefinition(MetadataReader reader, TypeDefinitionHandle handle, byte rawTypeKind)
        {
            uses.Put(handle);
            return true;
        }

        public bool GetTypeFromReference(MetadataReader reader, TypeReferenceHandle handle, byte rawTypeKind)
        {
            uses.Put(handle);
            return true;
        }

        public bool GetTypeFromSpecification(MetadataReader reader, object? genericContext, TypeSpecificationHandle handle, byte rawTypeKind) =>
            reader.GetTypeSpecification(handle).DecodeSignature(this, genericContext);

        public bool GetArrayType(bool elementType, ArrayShape shape) => true;

        public bool GetByReferenceType(bool elementType) => true;

        public bool GetFunctionPointerType(MethodSignature<bool> signature) => true;

        public bool GetGenericInstantiation(bool genericType, ImmutableArray<bool> typeArguments) => true;

        public bool GetGenericMethodParameter(object? genericContext, int index) => true;

        public bool GetGenericTypeParameter(object? genericContext, int index) => true;

        public bool GetModifiedType(bool modifier, bool unmodifiedType, bool isRequired) => true;

        public bool GetPinnedType(bool elementType) => true;

        public bool GetPointerType(bool elementType) => true;

        public bool GetPrimitiveType(PrimitiveTypeCode typeCode) => true;

        public bool GetSZArrayType(bool elementType) => true;
    }
}
